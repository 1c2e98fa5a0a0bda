// Packed weights, scheme bf16: the upper halves of two f32 in a word, and no scales.

const HAS_OFFSET: bool = false;

// Two weights of a word.
fn two(word: u32) -> vec2<f32> {
    return bitcast<vec2<f32>>(vec2<u32>(word << 16u, word & 0xffff0000u));
}

// Eight weights, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let first = 4u * at;
    let low = vec4<f32>(two(codes[first]), two(codes[first + 1u]));
    let high = vec4<f32>(two(codes[first + 2u]), two(codes[first + 3u]));
    return array<vec4<f32>, 2>(low, high);
}

fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return vec2<f32>(1.0, 0.0);
}
