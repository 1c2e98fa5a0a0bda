// The part of a row of x that an invocation multiplies with: a block rounded to multiples of a 127th of its largest number, so
// that products with codes are sums of whole numbers, which are exact, four in one instruction.

requires packed_4x8_integer_dot_product;

#import packed_dot

struct XTile {
    bytes: array<vec2<u32>, 4>,
    step: f32,
    sum: f32,
}

// The 32 numbers from x[start] on.
fn load_tile(start: u32) -> XTile {
    var numbers: array<vec4<f32>, 8>;
    // As bits, which rise with the number and beyond infinity to NaN: `max` of floats may lose a NaN.
    var peaks = vec4<u32>();
    for (var i = 0u; i < 8u; i++) {
        numbers[i] = x[start + i];
        peaks = max(peaks, bitcast<vec4<u32>>(numbers[i]) & vec4<u32>(0x7fffffffu));
    }
    let bits = max(max(peaks.x, peaks.y), max(peaks.z, peaks.w));
    // Large enough to divide by: zeros stay zeros.
    let peak = max(bitcast<f32>(bits), 1e-36);
    let factor = 127.0 / peak;
    var tile: XTile;
    tile.step = peak / 127.0;
    if bits >= 0x7f800000u {
        tile.step = bitcast<f32>(bits | 0x7fc00000u);
    }
    var sum = 0;
    for (var j = 0u; j < 4u; j++) {
        let low = vec4<i32>(round(numbers[2u * j] * factor));
        let high = vec4<i32>(round(numbers[2u * j + 1u] * factor));
        let bytes = packed_like_codes(low, high);
        tile.bytes[j] = bytes;
        sum += dot4I8Packed(bytes.x, 0x01010101u) + dot4I8Packed(bytes.y, 0x01010101u);
    }
    tile.sum = tile.step * f32(sum);
    return tile;
}

// Their product with a block of weights, whose codes begin at 8 · at.
fn product_with(tile: ptr<function, XTile>, at: u32, scale: vec2<f32>) -> f32 {
    var product = 0;
    for (var j = 0u; j < 4u; j++) {
        let eight = eight_bytes(at + j);
        let bytes = (*tile).bytes[j];
        product += dot4I8Packed(eight.x, bytes.x) + dot4I8Packed(eight.y, bytes.y);
    }
    return scale.x * ((*tile).step * f32(product)) + scale.y * (*tile).sum;
}
