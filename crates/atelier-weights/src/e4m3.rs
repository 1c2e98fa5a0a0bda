//! Floats of eight bits: `F8_E4M3`, torch's `float8_e4m3fn`. A sign, four bits of exponent, three of mantissa; no infinities,
//! and one NaN of each sign.

/// What each of the 256 codes stands for.
pub static E4M3: [f32; 256] = table();

/// The code of the largest number, 448. The codes up to it are in the order of their numbers.
const LARGEST: u8 = 0x7e;

const fn table() -> [f32; 256] {
    let mut table = [0.0; 256];
    let mut code = 0;
    while code < table.len() {
        table[code] = value(code as u32);
        code += 1;
    }
    table
}

const fn value(code: u32) -> f32 {
    if code & 0x7f == 0x7f {
        return f32::NAN;
    }
    let (sign, exponent, mantissa) = (code >> 7, (code >> 3) & 15, code & 7);
    // The leading one is not stored, and numbers with exponent zero have none.
    let (exponent, mantissa) = if exponent == 0 { (1, mantissa) } else { (exponent, mantissa + 8) };
    // 2^(exponent - 10): a power of two has a mantissa of zeros.
    let magnitude = mantissa as f32 * f32::from_bits((exponent + 117) << 23);
    if sign == 0 { magnitude } else { -magnitude }
}

/// The code of the nearest number, of two that are as near the even one. What is beyond them all, infinity too, becomes the
/// largest.
pub(crate) fn to_e4m3(number: f32) -> u8 {
    let sign = u8::from(number.is_sign_negative()) << 7;
    let magnitude = number.abs();
    if magnitude.is_nan() {
        return sign | 0x7f;
    }
    let value = |code: u8| E4M3[usize::from(code)];
    // The first that is not below it.
    let (mut above, mut end) = (0, LARGEST + 1);
    while above < end {
        let middle = above + (end - above) / 2;
        if value(middle) < magnitude { above = middle + 1 } else { end = middle }
    }
    if above == 0 || above > LARGEST {
        return sign | above.min(LARGEST);
    }
    let below = above - 1;
    let (down, up) = (magnitude - value(below), value(above) - magnitude);
    let is_below = down < up || (down == up && below.is_multiple_of(2));
    sign | if is_below { below } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_to_the_nearest_code_and_ties_to_the_even_one() {
        for code in (0..=u8::MAX).filter(|code| code & 0x7f != 0x7f) {
            assert_eq!(to_e4m3(E4M3[usize::from(code)]), code);
        }
        for below in 0..LARGEST {
            let [low, high] = [below, below + 1].map(|code| E4M3[usize::from(code)]);
            let middle = (low + high) / 2.0;
            assert_eq!(to_e4m3(middle), below + below % 2, "{middle}");
            assert_eq!(to_e4m3(middle.next_down()), below, "below {middle}");
            assert_eq!(to_e4m3(-middle.next_up()), 0x80 | (below + 1), "beyond -{middle}");
        }
        assert_eq!(
            [448.0, 449.0, 1e9, f32::INFINITY, -f32::INFINITY].map(to_e4m3),
            [0x7e, 0x7e, 0x7e, 0x7e, 0xfe]
        );
        assert_eq!(to_e4m3(f32::NAN) & 0x7f, 0x7f);
    }
}
