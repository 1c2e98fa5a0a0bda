//! The engine: a model on the browser's graphics device or on its CPU.

use std::ops::ControlFlow;
use std::sync::Arc;

use atelier::memory::StagePlan;
use atelier::progress::Rest;
use atelier::record::{RecordContext, device_name, encode_png};
use atelier::{DeviceReport, ModelInfo, Observer, Pipeline, Stage};
use js_sys::{Function, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::error;
use crate::event;
use crate::input::{OpenOptions, RunInput};
use crate::source::{Files, Source};

#[wasm_bindgen(typescript_custom_section)]
const RUN_PLAN: &str = r#"
import type { Stage } from "../generated/atelier.js";

/** What a run needs on the device. One stage is there at a time. */
export interface RunPlan {
  /** The most bytes at once. */
  readonly peak: number;
  /** In the order of the run. */
  readonly stages: readonly StageNeeds[];
}

/** What a stage needs on the device. */
export interface StageNeeds {
  readonly stage: Stage;
  /** Bytes of its weights. */
  readonly weights: number;
  /** The most bytes at once, weights included. */
  readonly peak: number;
}
"#;

/// See the TypeScript above.
#[derive(Serialize)]
struct RunPlan {
    peak: u64,
    stages: Vec<StageNeeds>,
}

/// See the TypeScript above.
#[derive(Serialize)]
struct StageNeeds {
    stage: Stage,
    weights: u64,
    peak: u64,
}

/// A model that is open. One thing at a time: wait for one call before the next.
#[wasm_bindgen]
pub struct Engine {
    pipeline: Pipeline,
    device: DeviceReport,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the model whose files are `files`.
    ///
    /// # Errors
    /// There is no adapter, or a file is missing, malformed or contradicts another.
    pub async fn open(
        files: Files,
        #[wasm_bindgen(unchecked_param_type = "OpenOptions")] options: JsValue,
    ) -> Result<Engine, JsValue> {
        let (device, report) = OpenOptions::read(&options)?.device().await?;
        let pipeline = Pipeline::load(Arc::new(Source(files)), device).await.map_err(error::model)?;
        Ok(Self { pipeline, device: report })
    }

    /// What is known of the model and its adapter.
    ///
    /// # Errors
    /// None.
    #[wasm_bindgen(unchecked_return_type = "ModelInfo")]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        event::plain(&ModelInfo::of(&self.pipeline, &self.device))
    }

    /// Makes the pictures of a run. `report` gets every event as an object, a picture as soon as it is finished; when it
    /// returns true, the run stops. `stop` is asked the same between events, some times a second. `rest` is called often; where it
    /// returns a promise, that is waited for: it lets messages in, for which the CPU leaves no time otherwise.
    ///
    /// # Errors
    /// The request is out of range, a file is damaged, the device fails, or the run was stopped.
    pub async fn generate(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "RunInput")] input: JsValue,
        #[wasm_bindgen(unchecked_param_type = "(report: RunReport) => boolean")] report: Function,
        #[wasm_bindgen(unchecked_param_type = "() => boolean")] stop: Function,
        #[wasm_bindgen(unchecked_param_type = "() => Promise<void> | undefined")] rest: Function,
    ) -> Result<(), JsValue> {
        let input = RunInput::read(input)?;
        let tell = |value: Result<JsValue, JsValue>| {
            let stop = value.and_then(|value| report.call1(&JsValue::NULL, &value));
            if stop.is_ok_and(|stop| stop.is_truthy()) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let request = input.request()?;
        let mut run = self.pipeline.prepare(&request, None).map_err(error::model)?;
        let untaught = run.warnings();
        let changed = input.changed_sources(&request);
        let warnings = untaught.iter().map(event::warning).chain(changed.map(event::changed_source));
        for warning in warnings {
            if tell(warning).is_break() {
                return Err(error::model(atelier::Error::Cancelled));
            }
        }
        run.resume(input.written.clone()).map_err(error::model)?;
        run.skip(|image| image < input.made);
        let context = RecordContext {
            version: version(),
            model: input.name.clone(),
            device: device_name(&self.device),
            sources: input.images.iter().map(|image| image.name.clone()).collect(),
            latents: None,
        };
        let stop = || stop.call0(&JsValue::NULL).is_ok_and(|stop| stop.is_truthy());
        let rest = || {
            let promise = rest.call0(&JsValue::NULL).ok()?.dyn_into::<Promise>().ok()?;
            let rest: Rest<'_> = Box::pin(async {
                // That the pause failed changes nothing.
                let _ = JsFuture::from(promise).await;
            });
            Some(rest)
        };
        let observer = &mut Observer::new(|event| tell(event::event(event)))
            .stopping(stop)
            .resting(rest)
            .with_previews();
        while let Some(picture) = run.next_picture(observer).await.map_err(error::model)? {
            for warning in run.take_noticed() {
                if tell(event::warning(&warning)).is_break() {
                    return Err(error::model(atelier::Error::Cancelled));
                }
            }
            let record = picture.record(&context);
            let note = input.metadata.then_some((&record, input.name.as_str()));
            let png = encode_png(&picture.image, note).map_err(error::model)?;
            if tell(event::picture(picture.index, picture.images, &png, &record)).is_break() {
                return Err(error::model(atelier::Error::Cancelled));
            }
        }
        Ok(())
    }

    /// What a run needs on the device, before anything is loaded for it.
    ///
    /// # Errors
    /// The request is out of range, or needs a larger buffer than the device allows.
    #[wasm_bindgen(unchecked_return_type = "RunPlan")]
    pub fn plan(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RunInput")] input: JsValue,
    ) -> Result<JsValue, JsValue> {
        let request = RunInput::read(input)?.request()?;
        let plan = self.pipeline.plan(&request, None).map_err(error::model)?;
        let needs = |stage: &StagePlan| StageNeeds {
            stage: stage.stage,
            weights: stage.weights.bytes,
            peak: stage.peak(),
        };
        event::plain(&RunPlan { peak: plan.peak(), stages: plan.stages.iter().map(needs).collect() })
    }

    /// Frees the weights of whichever stage is on the device.
    pub fn release(&mut self) {
        self.pipeline.release();
    }
}

/// The version of this module.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
