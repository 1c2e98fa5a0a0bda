use burn::tensor::{Device, Tensor, TensorData};

use crate::witnesses::{Outputs, Random, RandomData, compare, gpus, on};

#[test]
fn group_norm_silu() {
    compare(
        2e-4,
        |random| {
            let (groups, each) = (random.size(4), random.size(5));
            let channels = groups * each;
            let shape = [random.size(2), channels, random.size(20), random.size(20)];
            (random.data(shape), random.data([channels]), random.data([channels]), groups)
        },
        |(x, weight, bias, groups), device| {
            let (weight, bias) = (on(weight, device), on(bias, device));
            atelier_shaders::group_norm_silu(on(x, device), weight, bias, *groups, 1e-6)
        },
    );
}

/// A map whose groups have parts to the last of which something is missing, rows behind columns in memory.
fn map(random: &mut Random) -> (TensorData, usize) {
    let (groups, each) = (random.size(3), random.size(4));
    let shape = [random.size(2), groups * each, random.size(70), random.size(70)];
    (random.data(shape), groups)
}

fn turned(x: &TensorData, device: &Device) -> Tensor<4> {
    on::<4>(x, device).swap_dims(2, 3)
}

#[test]
fn group_moments() {
    let of_one = |moments: Tensor<4>| {
        // Squares are sums: in proportion to their number.
        let count = moments.clone().narrow(3, 0, 1);
        let squares = moments.clone().narrow(3, 2, 1) / count;
        Tensor::cat(vec![moments.narrow(3, 0, 2), squares], 3)
    };
    compare(2e-4, map, |(x, groups), device| {
        of_one(atelier_shaders::group_moments(turned(x, device), *groups))
    });
}

#[test]
fn merge_moments() {
    compare(
        2e-4,
        |random| {
            let (shape, most) = ([random.size(2), random.size(4)], 1 + random.size(600));
            let parts = random.size(most as u64);
            let values = (0..shape[0] * shape[1] * parts).flat_map(|_| {
                let [mean, squares] = [0; 2].map(|_| random.values(1)[0]);
                let count = random.size(4096) as f32;
                [count, mean, count * squares.abs()]
            });
            TensorData::new(values.collect(), [shape[0], shape[1], parts, 3])
        },
        |moments, device| {
            let merged = atelier_shaders::merge_moments(on(moments, device), 1e-6);
            let mean = merged.clone().narrow(2, 0, 1) + merged.clone().narrow(2, 1, 1);
            Tensor::cat(vec![mean, merged.narrow(2, 2, 1)], 2)
        },
    );
}

#[test]
fn normalise_silu() {
    compare(
        2e-4,
        |random| {
            let (x, groups) = map(random);
            let [batch, channels, _, _] = x.shape().dims();
            let moments = random.data([batch, groups, 3]);
            (x, moments, random.data([channels]), random.data([channels]))
        },
        |(x, moments, weight, bias), device| {
            let (weight, bias) = (on(weight, device), on(bias, device));
            atelier_shaders::normalise_silu(turned(x, device), on(moments, device), weight, bias)
        },
    );
}

/// Four million numbers with a mean of 1,000 and a deviation of 1, in one group, against f64.
#[test]
fn a_large_mean_of_many_numbers_costs_nothing() {
    let (channels, side) = (4, 1024);
    let random = &mut Random(5);
    // Of -3..3, hence with a deviation of √3.
    let values: Vec<f32> =
        random.values(channels * side * side).into_iter().map(|x| 1e3 + x / 3_f32.sqrt()).collect();
    let count = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    assert!((mean - 1e3).abs() < 0.01 && (variance - 1.0).abs() < 0.01, "{mean} {variance}");
    let exact = |x: f32| {
        let y = (f64::from(x) - mean) / variance.sqrt();
        y / (1.0 + (-y).exp())
    };
    let x = TensorData::new(values.clone(), [1, channels, side, side]);
    for device in gpus().into_iter().chain([Device::flex()]) {
        let (weight, bias) = (Tensor::ones([channels], &device), Tensor::zeros([channels], &device));
        let x = on::<4>(&x, &device);
        let whole = atelier_shaders::group_norm_silu(x.clone(), weight.clone(), bias.clone(), 1, 0.0);
        let bands = [(0, 300), (300, 511), (811, 213)].map(|(from, rows)| x.clone().narrow(2, from, rows));
        let parts = bands.clone().map(|band| atelier_shaders::group_moments(band, 1)).to_vec();
        let moments = atelier_shaders::merge_moments(Tensor::cat(parts, 2), 0.0);
        let normed = bands
            .map(|band| atelier_shaders::normalise_silu(band, moments.clone(), weight.clone(), bias.clone()));
        for (what, found) in [("whole", whole), ("bands", Tensor::cat(normed.to_vec(), 2))] {
            let found = found.read().remove(0);
            let worst = found.iter::<f32>().zip(&values).map(|(y, &x)| (f64::from(y) - exact(x)).abs());
            let worst = worst.fold(0.0, f64::max);
            println!("{what}: {worst:e}");
            assert!(worst < 1e-5, "{what}: off by {worst:e}");
        }
    }
}
