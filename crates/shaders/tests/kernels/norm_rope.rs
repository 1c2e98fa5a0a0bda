use crate::witnesses::{RandomData, compare, on};

#[test]
fn norm_rope() {
    compare(
        2e-4,
        |random| {
            let (batch, heads, first, rotating) =
                (random.size(2), random.size(4), random.size(4) - 1, random.size(30));
            let rotary = 2 * random.size(40);
            let head_dim = rotary + random.size(9) - 1;
            let angles = [if random.flag() { 1 } else { batch }, 1, rotating, rotary];
            // The heads lie behind the sequence in memory, as they come out of a projection.
            let x = random.data([batch, first + rotating, heads, head_dim]);
            (x, random.data(angles), random.data(angles), first, random.flag().then_some(1e-5))
        },
        |(x, cos, sin, first, eps), device| {
            let x = on::<4>(x, device).swap_dims(1, 2);
            atelier_shaders::norm_rope(x, on(cos, device), on(sin, device), *first, *eps)
        },
    );
}
