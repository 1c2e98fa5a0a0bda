// What an invocation holds of a row of x while it multiplies: a block as it is.

struct Held {
    numbers: array<vec4<f32>, 8>,
    sum: f32,
}

// The 32 numbers from x[start] on.
fn hold(start: u32) -> Held {
    var held: Held;
    var all = vec4<f32>();
    for (var i = 0u; i < 8u; i++) {
        held.numbers[i] = x[start + i];
        all += held.numbers[i];
    }
    held.sum = all.x + all.y + all.z + all.w;
    return held;
}

// Their product with the codes of a block, which begin at 8 · at.
fn product_with(held: ptr<function, Held>, at: u32) -> f32 {
    var product = 0.0;
    for (var j = 0u; j < 4u; j++) {
        let eight = eight_codes(at + j);
        product += dot(eight[0], (*held).numbers[2u * j]) + dot(eight[1], (*held).numbers[2u * j + 1u]);
    }
    return product;
}
