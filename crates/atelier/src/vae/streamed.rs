//! The decoder in bands of rows: the same picture as [`Decoder::forward`] to rounding, in a fraction of the memory.
//!
//! A group norm needs the whole map's mean and variance, so every norm reads all bands twice: once for the moments, once
//! for the values. A doubled map is four times its source, so it is never kept: its bands are made for the moments, and once
//! more for the values and the skip, which costs each upsampling convolution twice.

use std::fmt::Display;

use burn::tensor::Tensor;

use super::bands::{Bands, band_rows, spans};
use super::{Decoder, Resnet};
use crate::nn::{Conv2d, GroupNorm};
use crate::pace::{Pace, Unpaced, at_once};
use crate::trace;

impl Decoder {
    /// As [`Decoder::forward`], with bands of at most about `band_bytes`; at least a few rows at a time.
    ///
    /// # Shapes
    /// - z: `[batch, latent_channels, height / 8, width / 8]`, denormalised
    /// - output: `[batch, 3, height, width]`, about -1..=1
    pub fn forward_in_bands(&self, z: Tensor<4>, band_bytes: u64) -> Tensor<4> {
        at_once(self.forward_in_bands_paced(z, band_bytes, &mut Unpaced))
    }

    /// [`Decoder::forward_in_bands`] at a pace.
    pub(crate) async fn forward_in_bands_paced<P: Pace>(
        &self,
        z: Tensor<4>,
        band_bytes: u64,
        pace: &mut P,
    ) -> Result<Tensor<4>, P::Stop> {
        let mut source = Source::Map(self.first(z, band_bytes));
        for resnet in &self.mid {
            source = Source::Map(through(resnet, source, band_bytes, pace).await?);
        }
        source.record("mid_out");
        for (index, block) in self.up_blocks.iter().enumerate() {
            for resnet in &block.resnets {
                source = Source::Map(through(resnet, source, band_bytes, pace).await?);
            }
            source.record(format_args!("up{index}_out"));
            source = match (source, &block.upsampler) {
                (Source::Map(map), Some(upsampler)) => Source::Upsampled(map, upsampler),
                (source, _) => source,
            };
        }
        self.last(source, band_bytes, pace).await
    }

    fn first(&self, z: Tensor<4>, band_bytes: u64) -> Bands {
        let [channels, _, _, _] = self.conv_in.weight.shape().dims();
        let z = Source::Map(Bands::of(z));
        let mut map = Bands::default();
        for span in spans(z.height(), band_rows(band_bytes, channels, z.width())) {
            map.push(z.convolved(span, &self.conv_in, |x| x));
        }
        map
    }

    async fn last<P: Pace>(
        &self,
        mut source: Source<'_>,
        band_bytes: u64,
        pace: &mut P,
    ) -> Result<Tensor<4>, P::Stop> {
        let (height, rows) = (source.height(), source.rows_of_bands(0, band_bytes));
        let norm = Norm::of(&self.conv_norm_out, &source, rows, pace).await?;
        let mut picture = Bands::default();
        for span in spans(height, rows) {
            picture.push(source.convolved(span, &self.conv_out, |x| norm.apply(x)));
            source.forget(span.1.saturating_sub(1));
            pace.pause().await?;
        }
        Ok(picture.joined())
    }
}

/// A residual block; frees what it has read.
async fn through<P: Pace>(
    resnet: &Resnet,
    mut source: Source<'_>,
    band_bytes: u64,
    pace: &mut P,
) -> Result<Bands, P::Stop> {
    let [out, _, _, _] = resnet.conv1.weight.shape().dims();
    let (height, rows) = (source.height(), source.rows_of_bands(out, band_bytes));
    let norm = Norm::of(&resnet.norm1, &source, rows, pace).await?;
    // A map that is there in full is its own skip; a doubled one is not there.
    let kept = matches!(source, Source::Map(_)) && resnet.conv_shortcut.is_none();
    let (mut hidden, mut skip) = (Bands::default(), Bands::default());
    for (from, to) in spans(height, rows) {
        // Once for the skip and for the convolution: of a doubled map these rows are a convolution themselves.
        let (top, x) = source.around((from, to));
        if !kept {
            let x = x.clone().narrow(2, from - top, to - from);
            skip.push(match &resnet.conv_shortcut {
                Some(shortcut) => shortcut.forward(x),
                None => x,
            });
        }
        hidden.push(resnet.conv1.forward_rows(norm.apply(x), [from == 0, to == height]));
        if !kept {
            source.forget(to.saturating_sub(1));
        }
        pace.pause().await?;
    }
    if kept && let Source::Map(map) = source {
        skip = map;
    }
    let mut hidden = Source::Map(hidden);
    let norm = Norm::of(&resnet.norm2, &hidden, rows, pace).await?;
    let mut output = Bands::default();
    for (from, to) in spans(height, rows) {
        let change = hidden.convolved((from, to), &resnet.conv2, |x| norm.apply(x));
        output.push(skip.rows(from, to) + change);
        hidden.forget(to.saturating_sub(1));
        skip.forget(to);
        pace.pause().await?;
    }
    Ok(output)
}

/// What a layer reads.
enum Source<'a> {
    Map(Bands),
    /// Twice as high and wide, through the convolution after that.
    Upsampled(Bands, &'a Conv2d),
}

impl Source<'_> {
    /// Band by band. A trace of the whole decoder has whole maps; this is for finding what is not finite.
    fn record(&self, name: impl Display + Copy) {
        if let Self::Map(map) = self {
            map.each(|band| trace::record(name, || band.clone()));
        }
    }

    fn height(&self) -> usize {
        match self {
            Self::Map(map) => map.height(),
            Self::Upsampled(map, _) => 2 * map.height(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Map(map) => map.sizes()[1],
            Self::Upsampled(map, _) => 2 * map.sizes()[1],
        }
    }

    /// Rows of a band of the wider of this and a map of `other` channels.
    fn rows_of_bands(&self, other: usize, band_bytes: u64) -> usize {
        let (Self::Map(map) | Self::Upsampled(map, _)) = self;
        band_rows(band_bytes, map.sizes()[0].max(other), self.width())
    }

    fn rows(&self, from: usize, to: usize) -> Tensor<4> {
        match self {
            Self::Map(map) => map.rows(from, to),
            Self::Upsampled(map, convolution) => {
                // A row more on each side, so that what zeros at the ends have spoiled is left out.
                let top = from.saturating_sub(1) / 2;
                let bottom = (to + 1).min(self.height()).div_ceil(2);
                let made = convolution.forward_doubling(map.rows(top, bottom));
                made.narrow(2, from - 2 * top, to - from)
            }
        }
    }

    /// The rows of a span after `change` and a convolution of 3x3, which looks one row further.
    fn convolved(
        &self,
        (from, to): (usize, usize),
        convolution: &Conv2d,
        change: impl FnOnce(Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        let (_, x) = self.around((from, to));
        convolution.forward_rows(change(x), [from == 0, to == self.height()])
    }

    /// The rows of a span with those that a convolution of 3x3 looks at besides, and the first of them.
    fn around(&self, (from, to): (usize, usize)) -> (usize, Tensor<4>) {
        let top = from.saturating_sub(1);
        (top, self.rows(top, (to + 1).min(self.height())))
    }

    /// Frees what only rows before `row` want.
    fn forget(&mut self, row: usize) {
        match self {
            Self::Map(map) => map.forget(row),
            Self::Upsampled(map, _) => map.forget(row.saturating_sub(1) / 2),
        }
    }
}

/// A group norm whose moments are known, and SiLU.
struct Norm<'a> {
    norm: &'a GroupNorm,
    /// `[batch, groups, 3]`.
    moments: Tensor<3>,
}

impl<'a> Norm<'a> {
    /// Reads all of `source`, `rows` at a time.
    async fn of<P: Pace>(
        norm: &'a GroupNorm,
        source: &Source<'_>,
        rows: usize,
        pace: &mut P,
    ) -> Result<Self, P::Stop> {
        let mut parts = Vec::new();
        for (from, to) in spans(source.height(), rows) {
            parts.push(norm.moments(source.rows(from, to)));
            pace.pause().await?;
        }
        Ok(Self { norm, moments: norm.merge(Tensor::cat(parts, 2)) })
    }

    fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.apply_silu(x, self.moments.clone())
    }
}
