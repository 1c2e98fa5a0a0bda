use crate::witnesses::{RandomData, compare, on};

#[test]
fn residual_norm() {
    compare(
        2e-5,
        |random| {
            let (rows, width) = (random.size(40), random.size(600));
            let [x, y] = [(); 2].map(|()| random.data([rows, width]));
            let [post, next] = [(); 2].map(|()| random.data([width]));
            (x, y, post, next)
        },
        |(x, y, post, next), device| {
            let (x, y) = (on::<2>(x, device), on(y, device));
            atelier_shaders::residual_norm(x, y, on(post, device), on(next, device), [1e-5, 1e-2])
        },
    );
}
