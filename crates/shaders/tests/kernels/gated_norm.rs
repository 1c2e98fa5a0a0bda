use atelier_shaders::Gated;

use crate::witnesses::{RandomData, compare, on};

#[test]
fn gated_norm() {
    compare(
        2e-4,
        |random| {
            let (batch, seq, width) = (random.size(2), random.size(40), random.size(600));
            let pictures = if random.flag() { 1 } else { batch };
            let condition = [pictures, random.size(2), width];
            let first = random.size(seq as u64 + 1) - 1;
            let [x, y] = [(); 2].map(|()| random.data([batch, seq, width]));
            ((x, y), [(); 3].map(|()| random.data(condition)), first)
        },
        |((x, y), conditions, first), device| {
            let [gate, shift, scale] = conditions.each_ref().map(|condition| on(condition, device));
            let around = Gated { gate, shift, scale, first: *first };
            atelier_shaders::gated_norm(on(x, device), on(y, device), around, 1e-5)
        },
    );
}
