use atelier_shaders::{to_f16, to_f32};
use burn::tensor::{DType, Device, TensorData};

use crate::witnesses::{Random, RandomData, assert_close, compare, gpus, on};

#[test]
fn to_f16_and_back() {
    // Odd widths take burn's own way.
    let cases = |random: &mut Random| {
        let shape = [random.size(9), random.size(400)];
        random.data(shape)
    };
    compare(1.0 / 2048.0, cases, |x, device| {
        let half = to_f16(on::<2>(x, device));
        assert_eq!(half.numbers.dtype(), DType::F16);
        to_f32(half)
    });
}

/// Rows have scales of their own: what f16 could not hold is off by no more than what it can.
#[test]
fn rows_of_any_magnitude_come_back() {
    let rows: [[f32; 4]; 4] =
        [[7e8, -3e5, 1.5, 0.0], [1e-20, 3e-21, -2e-20, 1e-22], [3e38, 0.0, 1e36, -2e37], [0.0; 4]];
    let x = TensorData::new(rows.concat(), [4, 4]);
    for device in [vec![Device::flex()], gpus()].concat() {
        let back: Vec<f32> = to_f32(to_f16(on::<2>(&x, &device))).into_data().try_to_vec().unwrap();
        for (back, row) in back.chunks(4).zip(rows) {
            let peak = row.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            for (found, x) in back.iter().zip(row) {
                // Relative to the number, or to the row where f16 has no more room below.
                let allowed = (x.abs() / 2048.0).max(peak / 2.0_f32.powi(28));
                assert!((found - x).abs() <= allowed, "{found}, expected {x}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let x = TensorData::new(vec![1.0, bad, 2.0, 3.0, 4.0, 5.0], [3, 2]);
        for device in [vec![Device::flex()], gpus()].concat() {
            let back: Vec<f32> = to_f32(to_f16(on::<2>(&x, &device))).into_data().try_to_vec().unwrap();
            assert!(!back[1].is_finite(), "{bad}: {back:?}");
            let rest = TensorData::new(back[2..].to_vec(), [4]);
            assert_close(
                on::<1>(&rest, &Device::flex()),
                on::<1>(&TensorData::new(vec![2.0_f32, 3.0, 4.0, 5.0], [4]), &Device::flex()),
                1e-3,
                "other rows",
            );
        }
    }
}
