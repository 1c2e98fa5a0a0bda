// What an invocation holds of a row of x while it multiplies: a block rounded to multiples of a 127th of its largest number,
// so that products with codes are sums of whole numbers, which are exact, four in one instruction.

struct Held {
    bytes: array<vec2<u32>, 4>,
    step: f32,
    sum: f32,
}

// The 32 numbers from x[start] on.
fn hold(start: u32) -> Held {
    var numbers: array<vec4<f32>, 8>;
    var peaks = vec4<f32>();
    for (var i = 0u; i < 8u; i++) {
        numbers[i] = x[start + i];
        peaks = max(peaks, abs(numbers[i]));
    }
    let peak = max(max(peaks.x, peaks.y), max(peaks.z, peaks.w));
    // Zeros stay zeros.
    let factor = select(0.0, 127.0 / peak, peak > 0.0);
    var held: Held;
    held.step = peak / 127.0;
    var sum = 0;
    for (var j = 0u; j < 4u; j++) {
        let low = vec4<i32>(round(numbers[2u * j] * factor));
        let high = vec4<i32>(round(numbers[2u * j + 1u] * factor));
        let bytes = packed_like_codes(low, high);
        held.bytes[j] = bytes;
        sum += dot4I8Packed(bytes.x, 0x01010101u) + dot4I8Packed(bytes.y, 0x01010101u);
    }
    held.sum = held.step * f32(sum);
    return held;
}

// Their product with the codes of a block, which begin at 8 · at.
fn product_with(held: ptr<function, Held>, at: u32) -> f32 {
    var product = 0;
    for (var j = 0u; j < 4u; j++) {
        let eight = eight_bytes(at + j);
        let bytes = (*held).bytes[j];
        product += dot4I8Packed(eight.x, bytes.x) + dot4I8Packed(eight.y, bytes.y);
    }
    return (*held).step * f32(product);
}
