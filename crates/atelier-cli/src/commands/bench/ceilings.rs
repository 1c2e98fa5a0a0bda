//! The most that this device does, measured.

use std::time::Instant;

use atelier::probe::{CopyProbe, EmptyProbe, MatmulProbe, MultiplyAddProbe, Scale, sync};
use atelier::{AdapterKind, Device, DeviceReport};
use futures_lite::future::block_on;
use serde::Serialize;

use crate::error::Result;
use crate::guard;

/// Seconds that a sample takes at least, so that waiting for the device once costs it nothing.
const SAMPLE: f64 = 0.05;
/// Samples of a ceiling; the fastest counts.
const SAMPLES: usize = 8;
/// Launches of a sample at most: a device that is given more at once may run out of memory for them.
const MOST_LAUNCHES: usize = 20_000;

/// What kind of device it is, which says how much work it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Cpu,
    /// A GPU that its driver computes on the CPU.
    Software,
    Gpu,
}

impl Kind {
    pub fn of(device: &DeviceReport) -> Self {
        match device {
            DeviceReport::Cpu { .. } => Self::Cpu,
            DeviceReport::Gpu(adapter) if adapter.kind == AdapterKind::Software => Self::Software,
            DeviceReport::Gpu(_) => Self::Gpu,
        }
    }

    /// The shapes that it is given.
    pub fn scale(self) -> Scale {
        match self {
            Self::Cpu => Scale::FewRows,
            Self::Software => Scale::Small,
            Self::Gpu => Scale::Full,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Ceilings {
    /// Read and written.
    pub copy_bytes_per_second: f64,
    /// A loop that multiplies and adds in registers, in f32 and without matrix units.
    pub multiply_add_operations_per_second: f64,
    /// burn's own product of f32 matrices.
    pub dense_operations_per_second: f64,
    /// The product with packed f16 weights.
    pub packed_operations_per_second: f64,
    /// What a kernel costs that does nothing, of many in a row; none on the CPU, which has no dispatches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch_seconds: Option<f64>,
}

impl Ceilings {
    /// Of the two products.
    pub fn best_matmul(&self) -> f64 {
        self.dense_operations_per_second.max(self.packed_operations_per_second)
    }
}

pub fn measure(device: &Device, kind: Kind) -> Result<Ceilings> {
    // Large enough that no cache holds it, and no more than every GPU can bind.
    let copy = CopyProbe::new(32 << 20, device);
    block_on(copy.check())?;
    let (pairs, steps, side) = match kind {
        // 32 tasks of the twin.
        Kind::Cpu => (32 * 4_608, 1 << 11, 1024),
        Kind::Software => (1 << 16, 1 << 8, 512),
        // Every multiprocessor of the largest is full several times.
        Kind::Gpu => (1 << 23, 1 << 12, 4096),
    };
    let rate = |launch: &dyn Fn() -> f64| -> Result<f64> {
        let mut work = 0.0;
        let seconds = seconds_of_one(device, SAMPLES, || work = launch())?;
        Ok(work / seconds)
    };
    let copy_bytes_per_second = rate(&|| copy.launch())?;
    drop(copy);
    let multiply_add = MultiplyAddProbe::new(pairs, steps, device);
    let matmul = MatmulProbe::new(side, device);
    let empty = EmptyProbe::new(device);
    Ok(Ceilings {
        copy_bytes_per_second,
        multiply_add_operations_per_second: rate(&|| multiply_add.launch())?,
        dense_operations_per_second: rate(&|| matmul.launch_dense())?,
        packed_operations_per_second: rate(&|| matmul.launch_packed())?,
        dispatch_seconds: match kind {
            Kind::Cpu => None,
            _ => Some(seconds_of_one(device, SAMPLES, || empty.launch())?),
        },
    })
}

/// Seconds for one launch: so many in a row that it takes [`SAMPLE`] and the device is waited for once; the fastest of so many
/// samples. One before them is not counted, in which kernels are compiled.
pub fn seconds_of_one(device: &Device, samples: usize, mut launch: impl FnMut()) -> Result<f64> {
    let mut sample = |count: usize| -> Result<f64> {
        guard::check_interrupt()?;
        let started = Instant::now();
        (0..count).for_each(|_| launch());
        sync(device)?;
        Ok(started.elapsed().as_secs_f64().max(1e-9))
    };
    sample(1)?;
    let (mut count, mut seconds) = (1, sample(1)?);
    while seconds < SAMPLE && count < MOST_LAUNCHES {
        // Never ten times as many at once: the first ones may have been slow.
        let wanted = (count as f64 * 1.2 * SAMPLE / seconds).ceil() as usize;
        count = wanted.clamp(count + 1, 10 * count).min(MOST_LAUNCHES);
        seconds = sample(count)?;
    }
    // What takes long needs no second look.
    let more = if seconds > 20.0 * SAMPLE { 0 } else { samples };
    for _ in 1..more {
        seconds = seconds.min(sample(count)?);
    }
    Ok(seconds / count as f64)
}
