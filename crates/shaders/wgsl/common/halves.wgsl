// Numbers of 16 bits in words.

// The two f16 of a word. A device may take f16 and f32 that are not normal for zero, so whole numbers are scaled by a power of
// two. Neither infinities nor NaN are expected.
fn halves(word: u32) -> vec2<f32> {
    let bits = vec2<u32>(word & 0xffffu, word >> 16u);
    let exponents = (bits >> vec2<u32>(10u)) & vec2<u32>(31u);
    // The leading one is not stored, and numbers with exponent zero have none.
    let mantissas = (bits & vec2<u32>(1023u)) | (min(exponents, vec2<u32>(1u)) << vec2<u32>(10u));
    let powers = bitcast<vec2<f32>>((max(exponents, vec2<u32>(1u)) + vec2<u32>(102u)) << vec2<u32>(23u));
    let magnitudes = vec2<f32>(mantissas) * powers;
    return select(magnitudes, -magnitudes, bits >= vec2<u32>(0x8000u));
}
