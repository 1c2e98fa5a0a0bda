//! The allocation points of the VAE's layers, shared by encoder and decoder.
//!
//! Our convolution of 3×3 makes no copy of what it reads. With `a` numbers in and `b` numbers out of a residual block: its
//! first norm has the skip and the result `2a`; its first convolution `2a + b`; its second norm and convolution `a + 2b`;
//! its shortcut, where the channels change, is burn's convolution with a copy in another order, `2a + 2b`.

use super::F32;
use super::stage::{AllocationPoint, Part};

/// A feature map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Map {
    pub fn part(self, what: &str, count: usize) -> Part {
        Part::new(what, count, &[self.channels, self.height, self.width], F32)
    }

    pub fn bytes(self) -> u64 {
        self.part("", 1).bytes
    }

    pub fn with(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    pub fn doubled(self) -> Self {
        Self { height: 2 * self.height, width: 2 * self.width, ..self }
    }

    pub fn halved(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }
}

/// A convolution on its own.
pub(super) fn convolution(name: &str, input: Map, output: Map) -> AllocationPoint {
    AllocationPoint::new(name, vec![input.part("input", 1), output.part("result", 1)])
}

/// A norm and the convolution after it, as at the end of either half.
pub(super) fn last(name: &str, input: Map, output: Map) -> AllocationPoint {
    AllocationPoint::new(name, vec![input.part("input, normed", 2), output.part("result", 1)])
}

/// A residual block.
pub(super) fn resnet(name: &str, input: Map, output: Map) -> Vec<AllocationPoint> {
    let point = |step: &str, inputs, outputs| {
        let parts = vec![
            input.part("maps of its input's size", inputs),
            output.part("maps of its output's size", outputs),
        ];
        AllocationPoint::new(format!("{name}: {step}"), parts)
    };
    let mut points = vec![point("first convolution", 2, 1), point("second convolution", 1, 2)];
    if input.channels != output.channels {
        points.push(point("shortcut", 2, 2));
    }
    points
}

/// The convolution that doubles: it reads the small map.
pub(super) fn upsampler(name: &str, input: Map) -> AllocationPoint {
    convolution(&format!("{name}: doubling"), input, input.doubled())
}

/// The convolution that halves; its padding is a copy.
pub(super) fn downsampler(name: &str, input: Map) -> AllocationPoint {
    AllocationPoint::new(
        name,
        vec![input.part("map, padded, channels last", 3), input.halved().part("result", 1)],
    )
}
