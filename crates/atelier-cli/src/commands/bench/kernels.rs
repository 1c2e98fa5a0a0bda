//! `atelier bench --kernel-table`: every kernel in every variant on the shapes that the full model spends its time on.

use std::time::Instant;

use atelier::device::{Variant, Variants};
use atelier::probe::{Call, Checks, DENSE, Only, Scale, calls, in_use};
use atelier::{Device, DeviceReport, device};
use futures_lite::future::block_on;
use serde::Serialize;

use super::ceilings::{self, Ceilings, Kind, seconds_of_one};
use crate::args::BenchArgs;
use crate::error::{Error, Result, one_line};
use crate::guard;
use crate::session::Target;
use crate::ui::format::{rate_of_bytes, rate_of_operations, short_duration, size};
use crate::ui::stdout;
use crate::ui::style::{Style, say};

/// Samples of a kernel; the fastest counts.
const SAMPLES: usize = 3;
/// Seconds that one launch may take on a GPU, as far as its rate tells.
const MOST_SECONDS: f64 = 0.7;

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    device: DeviceReport,
    shapes: &'static str,
    ceilings: Ceilings,
    kernels: Vec<Row>,
    /// What the device cannot hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOut>,
    /// The product of 4-bit weights beside burn's own of the same shape, in operations a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_beside_dense: Option<f64>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    kernel: &'static str,
    /// As `--kernels` takes it.
    variant: String,
    shape: String,
    seconds: f64,
    /// Zero for what only moves numbers.
    operations_per_second: f64,
    /// Of what must be read and written at least.
    bytes_per_second: f64,
    /// The least time that the ceilings allow, as a share of what it took.
    share: f64,
    /// Which of them: `copy`, `multiply-add` or `dispatch`.
    ceiling: &'static str,
    /// The largest error on hard numbers, as a share of what the kernel may be off; none for what is not ours, and where a
    /// number was missing, or finite that must not be.
    error: Option<f64>,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<String>,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    kernel: &'static str,
    shape: String,
    why: String,
}

/// What is known of the correctness of a kernel.
#[derive(Debug, Clone, Default)]
struct Checked {
    error: Option<f64>,
    wrong: Option<String>,
}

/// Opens the device and measures.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let target = Target::of(&args.device)?;
    guard::watch_interrupts();
    let (device, opened, _) = target.open().await?;
    let kind = Kind::of(&opened);
    let scale = if args.small { Scale::Small } else { kind.scale() };
    let shapes = match scale {
        Scale::Full => "full",
        Scale::FewRows => "few-rows",
        Scale::Small => "small",
    };
    if !args.json && Style::of(args.json, args.quiet) != Style::Silent {
        say(&format!("measuring the throughput of {opened}"));
    }
    let start = Instant::now();
    let ceilings = ceilings::measure(&device, kind)?;
    let line = |text: &str| if args.json { Ok(()) } else { stdout::line(text) };
    line(&header(&opened, scale, &ceilings))?;
    let mut table = Table { device, kind, ceilings, checks: Checks::default(), checked: Vec::new() };
    let (mut kernels, mut left_out) = (Vec::new(), Vec::new());
    for call in calls(scale) {
        if let Some(why) = table.why_not(&call) {
            line(&format!("  {:<31} left out, {}: {why}", call.kernel, call.shape))?;
            left_out.push(LeftOut { kernel: call.kernel, shape: call.shape, why });
            continue;
        }
        for row in table.rows(&call)? {
            line(&row.describe())?;
            kernels.push(row);
        }
    }
    let packed_beside_dense = beside_dense(&kernels);
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        let ceilings = table.ceilings;
        let version = env!("CARGO_PKG_VERSION");
        let report = Report {
            version,
            device: opened,
            shapes,
            ceilings,
            kernels,
            left_out,
            packed_beside_dense,
            seconds,
        };
        return stdout::line(
            &serde_json::to_string(&report).map_err(|error| Error::Crash(error.to_string()))?,
        );
    }
    if let Some(ratio) = packed_beside_dense {
        line(&format!(
            "\nMany rows times 4-bit weights run at {ratio:.2} of the rate of burn's own product."
        ))?;
    }
    line(&format!("\n{} rows in {seconds:.0} s.", kernels.len()))
}

struct Table {
    device: Device,
    kind: Kind,
    ceilings: Ceilings,
    checks: Checks,
    checked: Vec<(&'static str, Variants, Checked)>,
}

impl Table {
    /// Why a call cannot be measured here.
    fn why_not(&self, call: &Call) -> Option<String> {
        let largest = call.largest as u64;
        if let Some(most) = device::largest_buffer(&self.device).filter(|&most| largest > most) {
            return Some(format!("needs a buffer of {}, the device has {}", size(largest), size(most)));
        }
        let seconds = call.operations / self.ceilings.packed_operations_per_second;
        // Drivers of real GPUs end what takes two seconds, and the program with it.
        (self.kind == Kind::Gpu && seconds > MOST_SECONDS)
            .then(|| format!("would take about {} at once", short_duration(seconds)))
    }

    /// One row for each way in which the device can run it.
    fn rows(&mut self, call: &Call) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let ways = call.ways(in_use(&self.device));
        if ways.is_empty() {
            return Ok(rows);
        }
        let mut launch = call.prepare(&self.device);
        for variants in ways {
            let seconds = {
                let _only = Only::these(&self.device, variants);
                seconds_of_one(&self.device, SAMPLES, &mut launch)?
            };
            let (least, ceiling) = self.least_seconds(call);
            let Checked { error, wrong } = self.check(call.kernel, variants)?;
            rows.push(Row {
                kernel: call.kernel,
                variant: name_of(variants),
                shape: call.shape.clone(),
                seconds,
                operations_per_second: call.operations / seconds,
                bytes_per_second: call.bytes / seconds,
                share: least / seconds,
                ceiling,
                error,
                passed: wrong.is_none(),
                wrong,
            });
        }
        Ok(rows)
    }

    /// How long it must take at least, and why.
    fn least_seconds(&self, call: &Call) -> (f64, &'static str) {
        let Ceilings { copy_bytes_per_second, multiply_add_operations_per_second, dispatch_seconds, .. } =
            self.ceilings;
        let limits = [
            (call.bytes / copy_bytes_per_second, "copy"),
            (call.operations / multiply_add_operations_per_second, "multiply-add"),
            (dispatch_seconds.unwrap_or(0.0), "dispatch"),
        ];
        limits.into_iter().fold((0.0, "copy"), |most, limit| if limit.0 > most.0 { limit } else { most })
    }

    /// Checks a kernel in one way, the first time that it is asked for.
    fn check(&mut self, kernel: &'static str, variants: Variants) -> Result<Checked> {
        if kernel == DENSE {
            return Ok(Checked::default());
        }
        if let Some((.., checked)) = self.checked.iter().find(|(k, v, _)| (*k, *v) == (kernel, variants)) {
            return Ok(checked.clone());
        }
        let found = block_on(self.checks.of(&self.device, kernel, variants));
        let found = found.map_err(atelier::Error::Compute)?;
        let checked = found.map_or_else(Checked::default, |found| Checked {
            error: Some(found.error).filter(|error| error.is_finite()),
            wrong: (!found.passed()).then(|| found.worst.clone()),
        });
        self.checked.push((kernel, variants, checked.clone()));
        Ok(checked)
    }
}

fn name_of(variants: Variants) -> String {
    let names: Vec<_> = variants.iter().map(Variant::name).collect();
    if names.is_empty() { "plain".to_owned() } else { names.join(",") }
}

/// The rate of the packed product as a share of the dense one's, on the last shape that both were given.
fn beside_dense(rows: &[Row]) -> Option<f64> {
    let dense = rows.iter().rfind(|row| row.kernel == DENSE)?;
    let shape = format!("{}, q4", dense.shape.split(',').next()?);
    let same = rows.iter().filter(|row| row.kernel != DENSE && row.shape == shape);
    let best = same.map(|row| row.operations_per_second).fold(0.0, f64::max);
    (best > 0.0).then(|| best / dense.operations_per_second)
}

fn header(device: &DeviceReport, scale: Scale, ceilings: &Ceilings) -> String {
    let shapes = match scale {
        Scale::Full => "of the full model",
        Scale::FewRows => "of the full model, with the rows, heads and pixels that a CPU has time for",
        Scale::Small => "of about an eighth of the full model's: only ratios mean anything",
    };
    let copy = rate_of_bytes(ceilings.copy_bytes_per_second);
    let multiply_add = rate_of_operations(ceilings.multiply_add_operations_per_second);
    let dispatch = ceilings
        .dispatch_seconds
        .map(|seconds| format!(", {} for an empty dispatch", short_duration(seconds)))
        .unwrap_or_default();
    let (kernel, variant, shape, time, rate) = ("kernel", "variant", "shape", "time", "rate");
    format!(
        "{device}: kernels on shapes {shapes}\n\
         Ceilings: {copy} of copying, {multiply_add} of multiply-adds{dispatch}\n\
         Errors: on hard numbers, as a share of what the kernel may be off\n\n  \
         {kernel:<31} {variant:<13} {shape:<36} {time:>9} {rate:>14}  of ceiling          error"
    )
}

impl Row {
    fn describe(&self) -> String {
        let Self { kernel, variant, shape, seconds, share, ceiling, error, wrong, .. } = self;
        let rate = match *ceiling {
            "multiply-add" => rate_of_operations(self.operations_per_second),
            _ => rate_of_bytes(self.bytes_per_second),
        };
        let error = match (wrong, error) {
            (Some(worst), _) => format!("WRONG: {}", one_line(worst)),
            (None, Some(error)) => format!("{error:.3}"),
            (None, None) => "-".to_owned(),
        };
        let (time, share) = (short_duration(*seconds), format!("{:.0} %", 100.0 * share));
        format!(
            "  {kernel:<31} {variant:<13} {shape:<36} {time:>9} {rate:>14}  {share:>6} {ceiling:<12} {error}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kernel: &'static str, shape: &str, rate: f64) -> Row {
        Row {
            kernel,
            variant: "plain".into(),
            shape: shape.into(),
            seconds: 1e-3,
            operations_per_second: rate,
            bytes_per_second: 2e9,
            share: 0.5,
            ceiling: "copy",
            error: Some(0.25),
            passed: true,
            wrong: None,
        }
    }

    #[test]
    fn a_product_is_held_against_the_dense_one_of_its_shape() {
        let mut rows = vec![
            row("many rows times packed", "512×64 by 64, q4", 8e9),
            row("many rows times packed", "512×64 by 64, q8", 9e9),
            row("many rows times packed", "512×64 by 32, q4", 20e9),
        ];
        assert_eq!(beside_dense(&rows), None);
        rows.push(row(DENSE, "512×64 by 64, f32", 10e9));
        assert_eq!(beside_dense(&rows), Some(0.8));
    }

    #[test]
    fn a_wrong_kernel_is_called_wrong() {
        let right = row("GELU", "1×64", 0.0);
        assert!(right.describe().ends_with("50 % copy         0.250"), "{}", right.describe());
        let wrong = Row { wrong: Some("a NaN, number 3".into()), ..right };
        assert!(wrong.describe().ends_with("WRONG: a NaN, number 3"), "{}", wrong.describe());
    }
}
