use crate::witnesses::{RandomData, compare, on};

#[test]
fn rms_norm() {
    compare(
        1e-5,
        |random| {
            let (batch, seq, width) = (random.size(2), random.size(40), random.size(600));
            (random.data([batch, seq, width]), random.data([width]))
        },
        |(x, weight), device| atelier_shaders::rms_norm(on::<3>(x, device), on(weight, device), 1e-5),
    );
}

/// More rows than one dimension of a dispatch may have workgroups.
#[cfg(feature = "gpu")]
#[test]
fn many_rows() {
    use burn::tensor::Device;

    use crate::witnesses::{Random, TOLERANCE, assert_close, gpus};

    let mut random = Random(9);
    let (x, weight) = (random.data([70_001, 5]), random.data([5]));
    let run = |device: &Device| atelier_shaders::rms_norm(on::<2>(&x, device), on(&weight, device), 1e-5);
    let twin = run(&Device::flex());
    for gpu in gpus() {
        assert_close(run(&gpu), twin.clone(), TOLERANCE, "many rows");
    }
}
