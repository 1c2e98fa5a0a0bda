//! What reads source images for the architect: the vision tower and the vector quantizer (spec 5).

mod tower;
mod vq;

pub(crate) use tower::patches_tensor;
pub use tower::{VisionBlock, VisionTower};
pub use vq::VectorQuantizer;
