// Packed weights, scheme q4-offset: eight nibbles in a word; a weight is scale · nibble + offset, which share a word.

#import halves

const HAS_OFFSET: bool = true;

// The nibbles of eight weights, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let word = codes[at];
    let low = vec4<u32>(word, word >> 4u, word >> 8u, word >> 12u) & vec4<u32>(15u);
    let high = vec4<u32>(word >> 16u, word >> 20u, word >> 24u, word >> 28u) & vec4<u32>(15u);
    return array<vec4<f32>, 2>(vec4<f32>(low), vec4<f32>(high));
}

// Scale and offset of a block of a row that has so many blocks.
fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    return halves(scales[row * blocks + block]);
}
