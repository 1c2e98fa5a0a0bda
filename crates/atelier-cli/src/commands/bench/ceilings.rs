//! The most that this device does, measured.

use std::time::Instant;

use atelier::Device;
use atelier::probe::{CopyProbe, MatmulProbe};
use futures_lite::future::block_on;
use serde::Serialize;

use crate::error::Result;
use crate::guard;

/// Times that each kind of work is done; the fastest counts.
const TIMES: usize = 8;

#[derive(Debug, Clone, Serialize)]
pub struct Ceilings {
    /// Read and written.
    pub copy_bytes_per_second: f64,
    /// burn's own product of f32 matrices.
    pub dense_operations_per_second: f64,
    /// The product with packed f16 weights, in f32.
    pub packed_operations_per_second: f64,
}

impl Ceilings {
    pub fn best_matmul(&self) -> f64 {
        self.dense_operations_per_second.max(self.packed_operations_per_second)
    }
}

pub fn measure(device: &Device, gpu: bool) -> Result<Ceilings> {
    // Large enough that no cache holds it, and that a GPU is full; what every GPU can bind.
    let (numbers, side) = (32 << 20, if gpu { 4096 } else { 1024 });
    // A software GPU takes a minute for what a real one does at once.
    let (copy, dense, packed) =
        (CopyProbe::new(numbers, device), MatmulProbe::new(side, device), MatmulProbe::new(256, device));
    let first = best(1, || packed.run_packed())?;
    let side = if gpu && first < 2e11 { 512 } else { side };
    let dense = if side == 512 { MatmulProbe::new(side, device) } else { dense };
    Ok(Ceilings {
        copy_bytes_per_second: best(TIMES, || block_on(copy.run()).map(|bytes| bytes as f64))?,
        dense_operations_per_second: best(TIMES, || dense.run_dense())?,
        packed_operations_per_second: best(TIMES, || dense.run_packed())?,
    })
}

/// Work per second, the best of several times and one before them, in which kernels are compiled.
fn best(times: usize, work: impl Fn() -> atelier::error::Result<f64>) -> Result<f64> {
    work()?;
    let mut best = 0.0_f64;
    for _ in 0..times {
        guard::check_interrupt()?;
        let started = Instant::now();
        let done = work()?;
        best = best.max(done / started.elapsed().as_secs_f64().max(1e-9));
    }
    Ok(best)
}
