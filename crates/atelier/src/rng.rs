//! The random generator behind `--seed`: Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror and
//! Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
//!
//! A draw is a pure function of seed, stream and index, so that the same seed gives the same picture on every
//! device. What is pinned by [`RNG_VERSION`]:
//!
//! * key: the seed, low word first;
//! * counter: the block number (low word, high word), then the stream (low word, high word);
//! * a block's four words hold two draws: words 0 and 1, then words 2 and 3, the first of a pair being the
//!   low half of 64 bits;
//! * [`uniform_at`]: the upper 53 of those bits, divided by 2⁵³;
//! * [`Rng::normals`]: Box-Muller on the two draws of a block, in double precision with the pure Rust `libm`.

/// The version of the generator. A change of any draw changes it.
pub const RNG_VERSION: u32 = 1;

/// The largest seed that may be asked for: JSON and JavaScript count exactly up to here.
pub const MAX_SEED: u64 = (1 << 53) - 1;

/// Seeds that nobody chose are below this: short enough to be typed again.
pub const RANDOM_SEEDS: u64 = 1 << 32;

/// What a sequence of draws is for. Streams of one seed are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// One draw for each token that the architect writes.
    Tokens = 0,
    /// The painter's initial noise.
    Noise = 1,
}

/// Draw number `index` of a stream: uniform in [0, 1), a multiple of 2⁻⁵³.
pub fn uniform_at(seed: u64, stream: Stream, index: u64) -> f64 {
    let pair = uniforms(seed, stream, index / 2);
    if index.is_multiple_of(2) { pair[0] } else { pair[1] }
}

/// A stream read from its start.
#[derive(Clone, Debug)]
pub struct Rng {
    seed: u64,
    stream: Stream,
    index: u64,
}

impl Rng {
    /// The start of a stream.
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self { seed, stream, index: 0 }
    }

    /// The next draw: uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        let value = uniform_at(self.seed, self.stream, self.index);
        self.index = self.index.wrapping_add(1);
        value
    }

    /// The next `count` normal values of mean 0 and variance 1.
    ///
    /// They start at the next whole block and use whole blocks, so a single call differs from two calls only
    /// if the first count is odd.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(count + 1);
        let mut block = self.index.div_ceil(2);
        while values.len() < count {
            values.extend(box_muller(uniforms(self.seed, self.stream, block)).map(|value| value as f32));
            block = block.wrapping_add(1);
        }
        self.index = block.wrapping_mul(2);
        values.truncate(count);
        values
    }
}

/// Two independent normal values from two uniform ones.
fn box_muller([radius, angle]: [f64; 2]) -> [f64; 2] {
    // 1 − u is in (0, 1], where the logarithm is finite.
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - radius));
    let angle = std::f64::consts::TAU * angle;
    [radius * libm::cos(angle), radius * libm::sin(angle)]
}

/// The two draws of a block.
fn uniforms(seed: u64, stream: Stream, block: u64) -> [f64; 2] {
    let (low, high) = split(block);
    let (stream_low, stream_high) = split(stream as u64);
    let (key_low, key_high) = split(seed);
    let words = philox4x32([low, high, stream_low, stream_high], [key_low, key_high]);
    let draw = |low: u32, high: u32| {
        let bits = u64::from(high) << 32 | u64::from(low);
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    };
    [draw(words[0], words[1]), draw(words[2], words[3])]
}

fn split(value: u64) -> (u32, u32) {
    (value as u32, (value >> 32) as u32)
}

/// Philox4x32 with ten rounds: four random words from a counter and a key.
fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let (low0, high0) = split(u64::from(c0) * u64::from(MULTIPLIERS[0]));
        let (low1, high1) = split(u64::from(c2) * u64::from(MULTIPLIERS[1]));
        [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
    }
    [c0, c1, c2, c3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with the authors' library, Random123.
    #[test]
    fn known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32(counter, key), expected);
        }
    }

    /// If this fails, every saved seed gives another picture: raise [`RNG_VERSION`] or undo the change.
    #[test]
    fn first_values_are_pinned() {
        assert_eq!(RNG_VERSION, 1);
        // Words 0 and 1 of the first known answer.
        assert_eq!(
            uniform_at(0, Stream::Tokens, 0),
            (0xe169_c58d_6627_e8d5_u64 >> 11) as f64 / (1_u64 << 53) as f64
        );
        let uniforms = [0, 1, 2].map(|index| uniform_at(42, Stream::Tokens, index));
        assert_eq!(uniforms, [0.4685865183391049, 0.34086154938517876, 0.32706338120338474]);
        let normals = Rng::new(42, Stream::Noise).normals(4);
        // -0.12409858, -0.5045009, 0.46978384, 3.0515094
        assert_eq!(
            normals.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
            [0xbdfe_2766, 0xbf01_26f9, 0x3ef0_8782, 0x4043_4bee,]
        );
    }

    #[test]
    fn draws_depend_on_seed_stream_and_index_alone() {
        let mut rng = Rng::new(7, Stream::Tokens);
        for index in 0..9 {
            assert_eq!(rng.uniform(), uniform_at(7, Stream::Tokens, index));
        }
        assert_ne!(uniform_at(7, Stream::Tokens, 0), uniform_at(7, Stream::Noise, 0));
        assert_ne!(uniform_at(7, Stream::Tokens, 0), uniform_at(7 + (1 << 32), Stream::Tokens, 0));
    }

    #[test]
    fn normals_go_on_at_whole_blocks() {
        let whole = Rng::new(3, Stream::Noise).normals(10);
        let mut rng = Rng::new(3, Stream::Noise);
        assert_eq!([rng.normals(4), rng.normals(6)].concat(), whole);
        rng = Rng::new(3, Stream::Noise);
        assert_eq!(rng.normals(3), whole[..3]);
        assert_eq!(rng.normals(2), whole[4..6]);
        assert_eq!(rng.normals(0), [0.0; 0]);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let count = 200_000;
        let mut rng = Rng::new(1, Stream::Tokens);
        let mean = (0..count).map(|_| rng.uniform()).sum::<f64>() / f64::from(count);
        assert!((mean - 0.5).abs() < 0.003, "{mean}");
        let values = Rng::new(1, Stream::Noise).normals(count as usize);
        let moment =
            |power: i32| values.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / f64::from(count);
        for (power, expected, tolerance) in [(1, 0.0, 0.01), (2, 1.0, 0.015), (3, 0.0, 0.04), (4, 3.0, 0.1)] {
            assert!((moment(power) - expected).abs() < tolerance, "moment {power}: {}", moment(power));
        }
        // Neighbours, which share a block, are not correlated.
        let pairs = values.as_chunks::<2>().0;
        let product = pairs.iter().map(|[a, b]| f64::from(a * b)).sum::<f64>() / pairs.len() as f64;
        assert!(product.abs() < 0.015, "{product}");
    }
}
