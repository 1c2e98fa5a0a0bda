// Factors of norms.

// 1 / sqrt(square), and NaN where a sum of squares has overflowed: a factor of zero would hide it.
fn inverse_root(square: f32) -> f32 {
    let bits = bitcast<u32>(square) & 0x7fffffffu;
    return select(inverseSqrt(square), bitcast<f32>(bits | 0x7fc00000u), bits >= 0x7f800000u);
}
