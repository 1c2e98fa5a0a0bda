// Packed weights, scheme f16: two numbers in a word, and no scales.

#import halves

const HAS_OFFSET: bool = false;

// Eight weights, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let first = 4u * at;
    let low = vec4<f32>(halves(codes[first]), halves(codes[first + 1u]));
    let high = vec4<f32>(halves(codes[first + 2u]), halves(codes[first + 3u]));
    return array<vec4<f32>, 2>(low, high);
}

fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return vec2<f32>(1.0, 0.0);
}
