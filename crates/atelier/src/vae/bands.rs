//! Feature maps in bands of rows, so that no buffer is large.

use std::collections::VecDeque;

use burn::tensor::Tensor;

/// The most bytes of a band that a step makes: what WebGPU binds at least.
pub const BAND_BYTES: u64 = 128 << 20;

/// How many rows of a map fit a band of `bytes` with two more above and below; at least 1.
pub(crate) fn band_rows(bytes: u64, channels: usize, width: usize) -> usize {
    let row = 4 * channels as u64 * width as u64;
    usize::try_from(bytes / row.max(1)).unwrap_or(usize::MAX).saturating_sub(4).max(1)
}

/// The rows of a map of `height`, `rows` at a time: first, and one past the last.
pub(super) fn spans(height: usize, rows: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).step_by(rows.max(1)).map(move |from| (from, (from + rows).min(height)))
}

/// A map `[batch, channels, height, width]`, of which the rows at the top may be gone already and those at the bottom may
/// still be missing.
#[derive(Debug, Default)]
pub(super) struct Bands {
    bands: VecDeque<Tensor<4>>,
    /// The first row of the first band.
    first: usize,
}

impl Bands {
    /// A map in one band.
    pub fn of(map: Tensor<4>) -> Self {
        Self { bands: VecDeque::from([map]), first: 0 }
    }

    /// Adds a band below.
    pub fn push(&mut self, band: Tensor<4>) {
        self.bands.push_back(band);
    }

    /// One past the last row.
    pub fn height(&self) -> usize {
        self.first + self.bands.iter().map(rows).sum::<usize>()
    }

    /// Channels and columns.
    pub fn sizes(&self) -> [usize; 2] {
        self.bands.front().map_or([0; 2], |band| {
            let [_, channels, _, width] = band.dims();
            [channels, width]
        })
    }

    /// The rows from `from` to `to`, which must be there.
    pub fn rows(&self, from: usize, to: usize) -> Tensor<4> {
        let mut start = self.first;
        let mut parts = Vec::new();
        for band in &self.bands {
            let end = start + rows(band);
            let (top, bottom) = (from.max(start), to.min(end));
            if top < bottom {
                parts.push(band.clone().narrow(2, top - start, bottom - top));
            }
            start = end;
        }
        if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 2) }
    }

    /// Frees the bands whose rows all lie before `row`.
    pub fn forget(&mut self, row: usize) {
        while let Some(band) = self.bands.front() {
            let end = self.first + rows(band);
            if end > row {
                break;
            }
            self.first = end;
            self.bands.pop_front();
        }
    }

    /// Every band, from the top.
    pub fn each(&self, f: impl Fn(&Tensor<4>)) {
        self.bands.iter().for_each(f);
    }

    /// The whole map.
    pub fn joined(self) -> Tensor<4> {
        Tensor::cat(self.bands.into(), 2)
    }
}

fn rows(band: &Tensor<4>) -> usize {
    let [_, _, rows, _] = band.dims();
    rows
}
