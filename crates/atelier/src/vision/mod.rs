//! What reads source images for the architect: the vision tower and the vector quantizer (spec 5).

mod tower;
mod vq;
mod weights;

pub(crate) use tower::patches_tensor;
pub use tower::{VisionBlock, VisionTower};
pub use vq::VectorQuantizer;

/// Both of them.
#[derive(Debug)]
pub struct Vision {
    /// Patches to features.
    pub tower: VisionTower,
    /// Features to codes.
    pub quantizer: VectorQuantizer,
}
