// The part of a row of x that an invocation multiplies with: a block as it is.

struct XTile {
    numbers: array<vec4<f32>, 8>,
}

// The 32 numbers from x[start] on.
fn load_tile(start: u32) -> XTile {
    var tile: XTile;
    for (var i = 0u; i < 8u; i++) {
        tile.numbers[i] = x[start + i];
    }
    return tile;
}

// Their product with a block of weights, whose codes begin at 8 · at. Where there is an offset it is added to each weight:
// added up apart, both parts may be large and nearly cancel.
fn product_with(tile: ptr<function, XTile>, at: u32, scale: vec2<f32>) -> f32 {
    var product = 0.0;
    for (var j = 0u; j < 4u; j++) {
        var eight = eight_codes(at + j);
        if HAS_OFFSET {
            eight[0] = scale.x * eight[0] + scale.y;
            eight[1] = scale.x * eight[1] + scale.y;
        }
        product += dot(eight[0], (*tile).numbers[2u * j]) + dot(eight[1], (*tile).numbers[2u * j + 1u]);
    }
    return select(scale.x * product, product, HAS_OFFSET);
}
