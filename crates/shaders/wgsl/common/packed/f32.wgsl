// Weights that are not packed, one in a word, and no scales.

const HAS_OFFSET: bool = false;

// Eight weights, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let first = 8u * at;
    let low = vec4<u32>(codes[first], codes[first + 1u], codes[first + 2u], codes[first + 3u]);
    let high = vec4<u32>(codes[first + 4u], codes[first + 5u], codes[first + 6u], codes[first + 7u]);
    return array<vec4<f32>, 2>(bitcast<vec4<f32>>(low), bitcast<vec4<f32>>(high));
}

fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return vec2<f32>(1.0, 0.0);
}
