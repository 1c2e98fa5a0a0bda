// Packed weights, scheme q8: four signed bytes in a word; a weight is scale · byte, and two scales stand in a word.

#import halves

const HAS_OFFSET: bool = false;

// Four signed bytes of a word as numbers.
fn signed_bytes(word: u32) -> vec4<f32> {
    let bits = bitcast<i32>(word);
    return vec4<f32>(vec4<i32>(bits << 24u, bits << 16u, bits << 8u, bits) >> vec4<u32>(24u));
}

// The bytes of eight weights, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(signed_bytes(codes[2u * at]), signed_bytes(codes[2u * at + 1u]));
}

// Scale and offset of a block of a row that has so many blocks.
fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    let word = scales[row * ((blocks + 1u) / 2u) + block / 2u];
    return vec2<f32>(half(select(word & 0xffffu, word >> 16u, block % 2u == 1u)), 0.0);
}
