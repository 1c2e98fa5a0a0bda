use crate::witnesses::{RandomData, compare, on};

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
