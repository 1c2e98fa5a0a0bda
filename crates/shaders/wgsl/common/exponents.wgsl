// Rows that are scaled by powers of two, so that their numbers fit the range of f16 whatever they are.

// The exponent of a row with an infinity or a NaN; those of all others are less.
const NOT_FINITE: i32 = 128;
// The exponent that the largest number of a row is given: f16 has one more.
const TOP: i32 = 14;

// 2^exponent, from 2^-126 to 2^127.
fn power(exponent: i32) -> f32 {
    return bitcast<f32>(u32(exponent + 127) << 23u);
}

// Zero, and NaN for a row that was not finite.
fn unless_finite(exponent: i32) -> f32 {
    return bitcast<f32>(select(0u, 0x7fc00000u, exponent >= NOT_FINITE));
}

// What a row's numbers are multiplied by.
fn factor_of(exponent: i32) -> f32 {
    return power(TOP - clamp(exponent, -112, 127));
}

// The inverse of the factor.
fn scale_of(exponent: i32) -> f32 {
    return power(clamp(exponent, -112, 127) - TOP) + unless_finite(exponent);
}

// A product of numbers of two such rows as it would be without the factors.
fn unscaled(product: f32, left: i32, right: i32) -> f32 {
    let exponent = clamp(left, -112, 127) + clamp(right, -112, 127) - 2 * TOP;
    // By halves: one power of two may not reach so far.
    let half = exponent / 2;
    return product * power(half) * power(exponent - half) + unless_finite(max(left, right));
}
