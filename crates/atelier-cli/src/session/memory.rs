//! The memory that a run may take: a budget, or what the machine has free.

use atelier::memory::{MemoryPlan, PlanRequest};
use atelier::packing::plan_checkpoint;
use atelier::{AdapterKind, DeviceReport, Request, Run};
use atelier_weights::Policy;

use super::Session;
use super::machine::{self, Free};
use crate::error::{Error, Result, one_line};
use crate::model::Model;

/// Bytes in a GB, here as everywhere in the program.
pub const GB: f64 = 1e9;

impl Session {
    /// Prepares a run within the budget, if there is one, and refuses it with the smallest budget that would do. Without one, a
    /// device that computes in the machine's own memory must find it free: else the system would end the program in the
    /// middle, without a word. So must one with memory of its own, where its driver tells.
    pub fn prepare(&mut self, request: &Request) -> Result<Run<'_>> {
        let Self { pipeline, model, device, budget, .. } = self;
        let run = pipeline.prepare(request, *budget)?;
        let plan = run.plan();
        if let Some(budget) = *budget {
            if plan.fits(budget) {
                return Ok(run);
            }
            return Err(Error::Budget { stage: largest(plan), needed: plan.peak(), budget });
        }
        match free_memory(device) {
            Some(free) if !plan.fits(free.bytes) => Err(too_little(&run, model, free)?),
            _ => Ok(run),
        }
    }
}

/// The stage that needs most.
fn largest(plan: &MemoryPlan) -> &'static str {
    plan.stages.iter().max_by_key(|stage| stage.peak()).map_or("", |stage| stage.stage.name())
}

/// Bytes that a run may take on the device, where somebody tells.
pub fn free_memory(device: &DeviceReport) -> Option<Free> {
    match device {
        DeviceReport::Gpu(adapter) if !shares_memory(device) => {
            adapter.free_memory.map(|bytes| Free { bytes, whose: "the graphics card" })
        }
        _ => machine::free_memory(),
    }
}

/// Whether the device has no memory of its own.
pub fn shares_memory(device: &DeviceReport) -> bool {
    match device {
        DeviceReport::Cpu { .. } => true,
        DeviceReport::Gpu(adapter) => {
            matches!(adapter.kind, AdapterKind::Integrated | AdapterKind::Software)
        }
    }
}

/// The error, with everything that would help.
fn too_little(run: &Run<'_>, model: &Model, Free { bytes: free, whose }: Free) -> Result<Error> {
    let (pipeline, request, plan) = (run.pipeline(), run.request(), run.plan());
    let mut ways = Vec::new();
    // In bands, and with a 16-bit cache, for a budget with a margin.
    let tight_budget = free / 100 * 95;
    if let Ok(tight) = pipeline.plan(request, Some(tight_budget))
        && tight.fits(tight_budget)
    {
        ways.push(format!("--vram-budget {:.2} fits", (tight_budget as f64 / 1e7).floor() / 1e2));
    }
    let [width, height] = run.largest_size();
    if !pipeline.checkpoint().is_pack() {
        let q4 = plan_checkpoint(pipeline.checkpoint(), &Policy::q4())?;
        let planned = PlanRequest { sources: request.sources.len(), ..PlanRequest::new(width, height, true) };
        let packed = atelier::memory::plan(pipeline.checkpoint().config(), &q4.tensors, &planned)?.peak();
        if packed < plan.peak() {
            let model = one_line(&model.to_string());
            ways.push(format!(
                "a pack needs {:.2} GB (atelier quantize {model} -o PACK)",
                packed as f64 / GB
            ));
        }
    }
    for halvings in 1..8 {
        let side = |side: usize| (side >> halvings) / 32 * 32;
        let (width, height) = (side(width), side(height));
        if width == 0 || height == 0 {
            break;
        }
        let smaller = Request { width: Some(width), height: Some(height), latents: None, ..request.clone() };
        if pipeline.plan(&smaller, None).is_ok_and(|plan| plan.fits(free)) {
            ways.push(format!("{width}x{height} pixels fit"));
            break;
        }
    }
    // What the system calls free may be wrong: there must be a way past this check.
    let all = (plan.peak() as f64 / 1e7).ceil() / 1e2;
    ways.push(format!("--vram-budget {all:.2} runs anyway"));
    Ok(Error::Memory { stage: largest(plan), needed: plan.peak(), free, whose, advice: ways.join("; ") })
}

/// What a budget is.
pub const GIGABYTES: &str = "a number of GB above 0 and at most 1000000";

/// A budget in GB.
pub fn bytes_of(gigabytes: f64) -> Result<u64> {
    if gigabytes > 0.0 && gigabytes <= 1e6 {
        Ok((gigabytes * GB).round() as u64)
    } else {
        let found = if gigabytes.abs() >= 1e9 { format!("{gigabytes:e}") } else { gigabytes.to_string() };
        Err(Error::flag("--vram-budget", GIGABYTES, found))
    }
}

#[cfg(test)]
mod tests {
    use atelier::AdapterReport;
    use atelier::device::Submission;

    use super::*;

    #[test]
    fn a_card_is_asked_for_its_own_memory() {
        let adapter = |kind, free_memory| {
            DeviceReport::Gpu(AdapterReport {
                name: "Card 9".into(),
                api: "vulkan".into(),
                kind,
                driver: String::new(),
                free_memory,
                max_buffer: 0,
                max_binding: 0,
                f16: false,
                subgroups: false,
                packed_dot: false,
                cooperative: None,
                unused: Vec::new(),
                submission: Submission { seconds: 0.2, first_rate: 4e9 },
            })
        };
        let own = free_memory(&adapter(AdapterKind::Discrete, Some(7))).unwrap();
        assert_eq!((own.bytes, own.whose), (7, "the graphics card"));
        // Who does not tell cannot be compared.
        assert_eq!(free_memory(&adapter(AdapterKind::Discrete, None)), None);
        let shared = free_memory(&adapter(AdapterKind::Integrated, None));
        assert_eq!(shared.is_some(), machine::free_memory().is_some());
    }
}
