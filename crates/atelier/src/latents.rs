//! A picture in the space that the painter works in.

/// A painted picture before decoding: `[channels, height, width]` values on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Latents {
    /// Latent channels.
    pub channels: usize,
    /// Rows, 1/8 of the picture's height.
    pub height: usize,
    /// Columns, 1/8 of the picture's width.
    pub width: usize,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// Which picture of the run it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImageIndex {
    pub image: usize,
    pub images: usize,
}
