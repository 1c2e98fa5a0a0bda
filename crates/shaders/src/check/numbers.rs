//! Numbers as real weights and activations make them, from a seed.

/// What is hard about some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hard {
    /// Nothing: about -3 to 3.
    Tame,
    /// Every 97th column is 2¹⁷ times as large, beyond what f16 can hold.
    Outliers,
    /// About 1,000 with a deviation of 1.
    Shifted,
    /// Each row has a magnitude of its own, from 2⁻³⁰ to 2³⁰.
    Rows,
}

impl Hard {
    /// All kinds.
    pub const ALL: &[Self] = &[Self::Tame, Self::Outliers, Self::Shifted, Self::Rows];

    /// In a few letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tame => "tame numbers",
            Self::Outliers => "outliers",
            Self::Shifted => "a large mean",
            Self::Rows => "rows of all magnitudes",
        }
    }
}

/// A generator of them: Knuth's linear congruential one, whose upper bits are good enough.
#[derive(Debug, Clone)]
pub struct Numbers(pub u64);

impl Numbers {
    /// 32 random bits.
    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// In `0.0..1.0`.
    pub fn share(&mut self) -> f32 {
        (self.word() >> 8) as f32 / (1_u32 << 24) as f32
    }

    /// About normal, with a deviation of 1.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..4).map(|_| self.share()).sum();
        (sum - 2.0) * 1.732
    }

    /// `[rows, columns]`, row-major.
    pub fn matrix(&mut self, hard: Hard, [rows, columns]: [usize; 2]) -> Vec<f32> {
        let mut values = Vec::with_capacity(rows * columns);
        for _ in 0..rows {
            let magnitude = 2.0_f32.powi((self.share() * 60.0) as i32 - 30);
            for column in 0..columns {
                let normal = self.normal();
                values.push(match hard {
                    Hard::Tame => normal,
                    Hard::Outliers if column % 97 == 31 => normal * 131_072.0,
                    Hard::Outliers => normal,
                    Hard::Shifted => 1_000.0 + normal,
                    Hard::Rows => normal * magnitude,
                });
            }
        }
        values
    }
}
