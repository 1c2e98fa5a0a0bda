//! The checks, one function for each entry of the manifest, on whatever device is handed in.

pub mod architect;
pub mod end_to_end;
pub mod glyph_encoder;
pub mod transformer;
pub mod vae;
pub mod vision;

use atelier::loader::Loader;
use atelier::{Checkpoint, Device, Observer, Stage, Trace, TraceTensor};

use crate::block_on;

/// Loads models of a stage.
fn load<T>(
    checkpoint: &Checkpoint,
    stage: Stage,
    device: &Device,
    models: impl AsyncFnOnce(&mut Loader<'_, '_>) -> atelier::Result<T>,
) -> T {
    let mut run = Observer::silent();
    let mut loader = Loader::new(checkpoint, stage, device, &mut run).expect("a loader");
    block_on(models(&mut loader)).expect("the models load")
}

fn read(trace: Trace) -> Vec<(String, TraceTensor)> {
    block_on(trace.into_tensors()).expect("the trace reads back")
}
