// Codes of eight bits for dot products of bytes, which they are.

fn eight_bytes(at: u32) -> vec2<u32> {
    return vec2<u32>(codes[2u * at], codes[2u * at + 1u]);
}

// Eight numbers of -128 to 127 in the same order.
fn packed_like_codes(low: vec4<i32>, high: vec4<i32>) -> vec2<u32> {
    return vec2<u32>(pack4xI8(low), pack4xI8(high));
}
