use burn::tensor::Device;

use crate::witnesses::{Random, RandomData, compare, on};

#[test]
fn gelu_tanh() {
    compare(
        1e-6,
        |random| {
            let shape = [random.size(40), random.size(600)];
            random.data(shape)
        },
        |x, device| atelier_shaders::gelu_tanh(on::<2>(x, device) * 10.0),
    );
}

/// A twin that changes its input in place must not change what somebody else still holds.
#[test]
fn a_shared_input_stays_as_it_was() {
    let before = Random(7).data([3, 40]);
    let x = on::<2>(&before, &Device::flex());
    let _ = atelier_shaders::gelu_tanh(x.clone());
    assert_eq!(x.into_data(), before);
}
