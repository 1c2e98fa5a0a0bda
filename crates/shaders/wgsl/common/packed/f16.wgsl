// Packed weights, scheme f16: two numbers in a word, and no scales.

#import halves

const HAS_OFFSET: bool = false;

// Eight weights, which begin at weight 8 · at of the matrix, row-major. Nearly all are normal, for which the conversion of the
// language is exact everywhere.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let first = 4u * at;
    let words = vec4(codes[first], codes[first + 1u], codes[first + 2u], codes[first + 3u]);
    if any_is_tiny(words) {
        return array(vec4(halves(words.x), halves(words.y)), vec4(halves(words.z), halves(words.w)));
    }
    return array(
        vec4(unpack2x16float(words.x), unpack2x16float(words.y)),
        vec4(unpack2x16float(words.z), unpack2x16float(words.w)),
    );
}

fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return vec2<f32>(1.0, 0.0);
}
