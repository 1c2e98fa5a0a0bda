use burn::tensor::Tensor;

use crate::witnesses::{Random, RandomData, compare, on};

#[test]
fn multiply_add() {
    compare(
        1e-5,
        |random| {
            let (fours, steps) = (random.size(1500), random.size(9));
            (random.data([2, 4 * fours]), steps)
        },
        |(x, steps), device| atelier_shaders::multiply_add(on::<2>(x, device), *steps),
    );
}

/// After 2π·128 steps a pair is about where it began, a little further out: 1 + 1/128² with every two steps.
#[test]
fn pairs_turn_around() {
    let x = Random(3).data([2, 4096]);
    for device in crate::witnesses::gpus().iter().chain([&burn::tensor::Device::flex()]) {
        let turned: Tensor<2> = atelier_shaders::multiply_add(on(&x, device), 804);
        let growth = (1.0 + 1.0 / f32::powi(128.0, 2)).powi(402);
        crate::witnesses::assert_close(turned, on::<2>(&x, device) * growth, 1e-2, "a whole turn");
    }
}
