use burn::tensor::{Device, Tensor, TensorData};

use crate::witnesses::{Random, RandomData, compare, compare_twin, on};

type Convolution = (TensorData, TensorData, TensorData, bool);

fn cases(random: &mut Random) -> Convolution {
    let (batch, inputs, outputs) = (random.size(2), random.size(20), random.size(70));
    let (height, width, doubled) = (random.size(40), random.size(40), random.flag());
    // Rows behind columns in memory.
    let x = random.data([batch, inputs, width, height]);
    (x, random.data([outputs, inputs, 3, 3]), random.data([outputs]), doubled)
}

fn convolve((x, weight, bias, doubled): &Convolution, device: &Device) -> Tensor<4> {
    let x = on::<4>(x, device).swap_dims(2, 3);
    atelier_shaders::conv2d_3x3(x, on(weight, device), on(bias, device), *doubled)
}

#[test]
fn conv2d_3x3() {
    compare(2e-4, cases, convolve);
}

/// Their sums are exact in any order.
#[test]
fn whole_numbers_are_convolved_exactly() {
    let whole = |data: TensorData| {
        let values: Vec<f32> = data.iter::<f32>().map(f32::round).collect();
        TensorData::new(values, data.shape().clone())
    };
    let cases = |random: &mut Random| {
        let (x, weight, bias, doubled) = cases(random);
        (whole(x), whole(weight), whole(bias), doubled)
    };
    compare_twin(0.0, cases, convolve);
}
