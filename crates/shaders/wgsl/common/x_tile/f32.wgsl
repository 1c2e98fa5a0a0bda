// The part of a row of x that an invocation multiplies with: a block as it is.

struct XTile {
    numbers: array<vec4<f32>, 8>,
    sum: f32,
}

// The 32 numbers from x[start] on.
fn load_tile(start: u32) -> XTile {
    var tile: XTile;
    var all = vec4<f32>();
    for (var i = 0u; i < 8u; i++) {
        tile.numbers[i] = x[start + i];
        all += tile.numbers[i];
    }
    tile.sum = all.x + all.y + all.z + all.w;
    return tile;
}

// Their product with the codes of a block, which begin at 8 · at.
fn product_with(tile: ptr<function, XTile>, at: u32) -> f32 {
    var product = 0.0;
    for (var j = 0u; j < 4u; j++) {
        let eight = eight_codes(at + j);
        product += dot(eight[0], (*tile).numbers[2u * j]) + dot(eight[1], (*tile).numbers[2u * j + 1u]);
    }
    return product;
}
