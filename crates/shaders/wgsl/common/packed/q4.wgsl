// Packed weights, scheme q4: eight nibbles in a word; a weight is scale · (nibble - 8), and two scales stand in a word.

#import halves

const HAS_OFFSET: bool = false;

// The nibbles of eight weights less 8, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let word = codes[at];
    let low = vec4<u32>(word, word >> 4u, word >> 8u, word >> 12u) & vec4<u32>(15u);
    let high = vec4<u32>(word >> 16u, word >> 20u, word >> 24u, word >> 28u) & vec4<u32>(15u);
    return array<vec4<f32>, 2>(vec4<f32>(low) - 8.0, vec4<f32>(high) - 8.0);
}

// Scale and offset of a block of a row that has so many blocks.
fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    let word = scales[row * ((blocks + 1u) / 2u) + block / 2u];
    return vec2<f32>(half(select(word & 0xffffu, word >> 16u, block % 2u == 1u)), 0.0);
}
