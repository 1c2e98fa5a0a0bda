use crate::witnesses::{RandomData, compare, on};

#[test]
fn ada_layer_norm() {
    compare(
        2e-4,
        |random| {
            let (batch, seq, width) = (random.size(2), random.size(40), random.size(600));
            let pictures = if random.flag() { 1 } else { batch };
            let condition = [pictures, 1, width];
            (random.data([batch, seq, width]), random.data(condition), random.data(condition))
        },
        |(x, shift, scale), device| {
            atelier_shaders::ada_layer_norm(on(x, device), on(shift, device), on(scale, device), 1e-5)
        },
    );
}
