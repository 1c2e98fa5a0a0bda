//! How pixels, latents, patches and tokens relate: the model's fixed sizes, along each side (spec 3.2).

/// Pixels of one latent cell.
pub const LATENT_PIXELS: usize = 8;
/// Pixels of one patch of the painter, which is two latent cells.
pub const PATCH_PIXELS: usize = 16;
/// Pixels of one visual token of the blueprint.
pub const TOKEN_PIXELS: usize = 32;
/// The longest side that a request may ask for, in pixels.
pub const MAX_SIDE: usize = 4096;
