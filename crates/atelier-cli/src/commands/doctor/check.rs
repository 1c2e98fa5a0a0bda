//! `atelier doctor --check`: whether the kernels of a device compute what they should.

use std::path::PathBuf;
use std::time::Instant;

use atelier::device::{self, DeviceCheck, Finding, KernelCheck, Limits, Variant, Variants};
use atelier::{DeviceChoice, DeviceReport};

use crate::args::DoctorArgs;
use crate::error::{Error, Result, one_line};
use crate::session::{broken, check_adapter};
use crate::ui::stdout;

/// Checks what `--device` and `--adapter` mean, and remembers what is broken.
pub async fn run(args: &DoctorArgs) -> Result<()> {
    check_adapter(&args.device, args.adapter.as_deref())?;
    let choice = args.adapter.clone().map_or_else(|| args.device.clone(), DeviceChoice::Adapter);
    let flag = if args.adapter.is_some() { "--adapter" } else { "--device" };
    // All that is usual here, also what an earlier check found broken.
    let opened = device::open_within(&choice, Limits::Adapter, None).await;
    let (device, opened) = opened.map_err(|error| match error {
        atelier::Error::Device(problem) => Error::input(flag, problem),
        other => other.into(),
    })?;
    let line = |text: &str| if args.json { Ok(()) } else { stdout::line(text) };
    line(&format!("Checking {opened}: largest errors, of what each kernel may be off\n"))?;
    let start = Instant::now();
    let mut shown = Ok(());
    let findings = device::check(&device, |finding| {
        if shown.is_ok() {
            shown = line(&row(finding));
        }
    })
    .await;
    shown?;
    let findings = findings.map_err(atelier::Error::Compute)?;
    let seconds = start.elapsed().as_secs_f64();
    let failed: Vec<&Finding> = findings.iter().filter(|finding| !finding.passed()).collect();
    let broken: Variants = failed.iter().filter_map(|finding| finding.variant).collect();
    let mut kept = None;
    if let DeviceReport::Gpu(adapter) = &opened {
        kept = broken::remember(adapter, broken)?;
    }
    let checks = findings.len();
    if args.json {
        let report = DeviceCheck::of(opened, &findings, seconds);
        stdout::line(&serde_json::to_string(&report).map_err(|error| Error::Crash(error.to_string()))?)?;
    } else {
        stdout::line(&verdict(checks, failed.len(), broken, kept.as_ref(), seconds))?;
    }
    let plain = failed.iter().filter(|finding| finding.variant.is_none()).count();
    match (failed.is_empty(), plain) {
        (true, _) => Ok(()),
        (false, 0) => Err(Error::Broken("a variant of the kernels is broken here and switched off".into())),
        (false, plain) => Err(Error::Broken(format!(
            "{plain} kernels are broken here in their plainest form: use --device cpu, or another driver"
        ))),
    }
}

fn row(finding: &Finding) -> String {
    let Finding { kernel, error, worst, .. } = finding;
    let KernelCheck { variant, .. } = KernelCheck::from(finding);
    let error = if error.is_finite() { format!("{error:>7.3}") } else { "   none".into() };
    let result = if finding.passed() { "ok".into() } else { format!("FAILED: {}", one_line(worst)) };
    format!("  {kernel:<33} {variant:<10} {error}  {result}")
}

fn verdict(checks: usize, failed: usize, broken: Variants, kept: Option<&PathBuf>, seconds: f64) -> String {
    if failed == 0 {
        let again = if kept.is_some() { "; what was broken before is used again" } else { "" };
        return format!("\nAll {checks} checks passed in {seconds:.1} s{again}.");
    }
    let names: Vec<_> = broken.iter().map(Variant::name).collect();
    let mut text = format!("\n{failed} of {checks} checks failed in {seconds:.1} s.");
    if !names.is_empty() {
        text +=
            &format!("\nFrom now on kernels do without {} on this adapter and driver", names.join(" and "));
        if let Some(path) = kept {
            text += &format!(" ({})", path.display());
        }
        text += ".";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_it_was() {
        let finding = |variant, error| Finding { kernel: "GELU", variant, error, worst: "number 3".into() };
        assert!(row(&finding(None, 0.25)).ends_with("plain        0.250  ok"));
        assert!(row(&finding(Some(Variant::Dot), 1.5)).ends_with("dot          1.500  FAILED: number 3"));
        assert!(row(&finding(None, f64::INFINITY)).ends_with("none  FAILED: number 3"));
        let text = verdict(9, 2, Variants::NONE.with(Variant::Dot), None, 1.0);
        assert!(text.contains("2 of 9 checks failed") && text.contains("do without dot"), "{text}");
    }
}
