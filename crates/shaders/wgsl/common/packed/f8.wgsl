// Packed weights, scheme f8: four numbers of eight bits in a word, a sign, four bits of exponent and three of mantissa; no
// scales.

const HAS_OFFSET: bool = false;

// Four weights of a word. Small ones are multiples of 2^-9, so whole numbers are scaled by a power of two: a device may take
// f32 and f16 that are not normal for zero.
fn four(word: u32) -> vec4<f32> {
    let bytes = (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u);
    let exponents = (bytes >> vec4<u32>(3u)) & vec4<u32>(15u);
    // The leading one is not stored, and numbers with exponent zero have none.
    let mantissas = (bytes & vec4<u32>(7u)) | (min(exponents, vec4<u32>(1u)) << vec4<u32>(3u));
    let powers = bitcast<vec4<f32>>((max(exponents, vec4<u32>(1u)) + vec4<u32>(117u)) << vec4<u32>(23u));
    let magnitudes = vec4<f32>(mantissas) * powers;
    return select(magnitudes, -magnitudes, bytes >= vec4<u32>(128u));
}

// Eight weights, which begin at weight 8 · at of the matrix, row-major.
fn eight_codes(at: u32) -> array<vec4<f32>, 2> {
    let first = 2u * at;
    return array<vec4<f32>, 2>(four(codes[first]), four(codes[first + 1u]));
}

fn block_scale(row: u32, block: u32, blocks: u32) -> vec2<f32> {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return vec2<f32>(1.0, 0.0);
}
