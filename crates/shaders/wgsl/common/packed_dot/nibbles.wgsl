// Codes of four bits as bytes, for dot products of bytes: of eight in a word first the even ones, then the odd ones.

fn eight_bytes(at: u32) -> vec2<u32> {
    let nibbles = vec2<u32>(codes[at], codes[at] >> 4u) & vec2<u32>(0x0f0f0f0fu);
    // Without an offset they stand for themselves less 8; no byte borrows from its neighbour.
    let centred = ((nibbles | vec2<u32>(0x80808080u)) - vec2<u32>(0x08080808u)) ^ vec2<u32>(0x80808080u);
    return select(centred, nibbles, HAS_OFFSET);
}

// Eight numbers of -128 to 127 in the same order.
fn packed_like_codes(low: vec4<i32>, high: vec4<i32>) -> vec2<u32> {
    return vec2<u32>(
        pack4xI8(vec4<i32>(low.x, low.z, high.x, high.z)),
        pack4xI8(vec4<i32>(low.y, low.w, high.y, high.w)),
    );
}
