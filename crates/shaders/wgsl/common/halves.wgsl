// Numbers of 16 bits in words.

// The f16 of these bits. A device may take f16 and f32 that are not normal for zero, so a whole number is scaled by a power of
// two. Neither infinities nor NaN are expected.
fn half(bits: u32) -> f32 {
    let exponent = (bits >> 10u) & 31u;
    // The leading one is not stored, and numbers with exponent zero have none.
    let mantissa = (bits & 1023u) | (min(exponent, 1u) << 10u);
    let magnitude = f32(mantissa) * bitcast<f32>((max(exponent, 1u) + 102u) << 23u);
    return select(magnitude, -magnitude, bits >= 0x8000u);
}

// The two of a word.
fn halves(word: u32) -> vec2<f32> {
    return vec2<f32>(half(word & 0xffffu), half(word >> 16u));
}

// Whether there is a zero or a number that is not normal among those of four words, or, rarely, one close by.
fn any_is_tiny(words: vec4<u32>) -> bool {
    // An exponent of zero borrows from the sign's place, which is empty.
    return any((((words & vec4(0x7c007c00u)) - vec4(0x04000400u)) & vec4(0x80008000u)) != vec4(0u));
}
