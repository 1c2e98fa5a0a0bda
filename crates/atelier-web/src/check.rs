//! Whether this browser's GPU computes what it should.

use atelier::device::{DeviceCheck, KernelCheck};
use js_sys::{Date, Function};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::input::OpenOptions;
use crate::{error, event};

#[wasm_bindgen(typescript_custom_section)]
const DEVICE_CHECK: &str = r#"
import type { AdapterReport, KernelCheck } from "../generated/atelier.js";

/** What the check of all kernels of a GPU found. */
export interface DeviceCheck {
  readonly device: AdapterReport;
  /** Whether all passed. */
  readonly passed: boolean;
  /** Every kernel in every variant that the device has. */
  readonly checks: readonly KernelCheck[];
  /** The variants that kernels are better off without. */
  readonly broken: readonly string[];
  /** How long it took. */
  readonly seconds: number;
}
"#;

/// Checks every kernel in every variant that the device has, on hard numbers, against what they should give; `found` gets each
/// finding as soon as it is there.
///
/// # Errors
/// There is no adapter, or the device fails.
#[wasm_bindgen(unchecked_return_type = "DeviceCheck")]
pub async fn check(
    #[wasm_bindgen(unchecked_param_type = "OpenOptions")] options: JsValue,
    #[wasm_bindgen(unchecked_param_type = "(found: KernelCheck) => void")] found: Function,
) -> Result<JsValue, JsValue> {
    let begun = Date::now();
    let (device, report) = OpenOptions::read(&options)?.device().await?;
    let findings = atelier::device::check(&device, |finding| {
        // Whoever listens may fail: the check goes on.
        let _ =
            event::plain(&KernelCheck::from(finding)).and_then(|value| found.call1(&JsValue::NULL, &value));
    });
    let findings = findings.await.map_err(|problem| error::model(atelier::Error::Compute(problem)))?;
    event::plain(&DeviceCheck::of(report, &findings, (Date::now() - begun) / 1000.0))
}
