use crate::witnesses::{RandomData, compare, on};

#[test]
fn ada_layer_norm() {
    compare(
        2e-4,
        |random| {
            let (batch, seq, width) = (random.size(2), random.size(40), random.size(600));
            let pictures = if random.flag() { 1 } else { batch };
            let condition = [pictures, random.size(2), width];
            // Some pictures are all of the first kind, some all of the second.
            let first = random.size(seq as u64 + 1) - 1;
            (random.data([batch, seq, width]), random.data(condition), random.data(condition), first)
        },
        |(x, shift, scale, first), device| {
            atelier_shaders::ada_layer_norm(on(x, device), on(shift, device), on(scale, device), *first, 1e-5)
        },
    );
}
