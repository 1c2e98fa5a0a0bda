use burn::tensor::{DType, Device, TensorData};

use crate::witnesses::{Random, RandomData, compare, gpus, on};

#[test]
fn to_f16_and_back() {
    // Odd counts take burn's own way.
    let cases = |random: &mut Random| {
        let shape = [random.size(9), random.size(400)];
        random.data(shape)
    };
    compare(0.0, cases, |x, device| {
        let half = atelier_shaders::to_f16(on::<2>(x, device));
        assert_eq!(half.dtype(), DType::F16);
        atelier_shaders::to_f32(half)
    });
}

/// Beyond the largest number of 16 bits that one.
#[test]
fn large_numbers_stay_finite() {
    let far = TensorData::new(vec![1e6_f32, -1e6, 1.0, 0.0], [4]);
    for device in [vec![Device::flex()], gpus()].concat() {
        let back = atelier_shaders::to_f32(atelier_shaders::to_f16(on::<1>(&far, &device)));
        assert_eq!(back.into_data().try_to_vec::<f32>().unwrap(), [65_504.0, -65_504.0, 1.0, 0.0]);
    }
}
