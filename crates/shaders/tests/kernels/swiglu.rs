use crate::witnesses::{RandomData, compare, on};

#[test]
fn swiglu() {
    compare(
        1e-6,
        |random| {
            let shape = [random.size(40), 2 * random.size(300)];
            random.data(shape)
        },
        |gate_up, device| atelier_shaders::swiglu(on::<2>(gate_up, device) * 10.0),
    );
}
