//! The checks, one function for each entry of the manifest, on whatever device is handed in.

pub mod architect;
pub mod end_to_end;
pub mod glyph_encoder;
pub mod transformer;
pub mod vae;
pub mod vision;

use atelier::{Trace, TraceTensor};

use crate::block_on;

fn read(trace: Trace) -> Vec<(String, TraceTensor)> {
    block_on(trace.into_tensors()).expect("the trace reads back")
}
