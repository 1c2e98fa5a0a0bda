/// Random numbers that depend on a seed alone: Knuth's linear congruential generator, whose upper bits are good enough
/// for test cases.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// 31 random bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// 32 random bits.
    pub fn word(&mut self) -> u32 {
        ((self.number() << 16) ^ self.number()) as u32
    }

    /// In `0.0..1.0`.
    pub fn share(&mut self) -> f32 {
        (self.number() >> 7) as f32 / (1_u64 << 24) as f32
    }

    /// In `1..=most`.
    pub fn size(&mut self, most: u64) -> usize {
        usize::try_from(self.number() % most + 1).unwrap()
    }

    /// In `0..end`, and 0 where that is empty.
    pub fn below(&mut self, end: usize) -> usize {
        self.size(end.max(1) as u64) - 1
    }

    pub fn flag(&mut self) -> bool {
        self.number() % 2 == 1
    }

    /// Numbers in `-3.0..3.0`.
    pub fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number() as f32 / (1_u64 << 31) as f32 * 6.0 - 3.0).collect()
    }
}
