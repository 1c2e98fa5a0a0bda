//! The engine: a model on the browser's graphics device.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use atelier::device::Limits;
use atelier::record::{RUN_FORMAT, RunRecord, device_name, encode_png, read_png};
use atelier::{Blueprint, DeviceChoice, DeviceReport, Event, Pipeline, Request, Run, device};
use js_sys::{Function, JSON, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::event::{self, object};
use crate::request::GenerateRequest;
use crate::source::{Files, Source};

/// A model that is open. One thing at a time: wait for one call before the next.
#[wasm_bindgen]
pub struct Engine {
    pipeline: Pipeline,
    device: DeviceReport,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the model whose files are `files`. With `defaultLimits` the device is asked for no more than WebGPU's default
    /// limits; otherwise `subgroups` says that devices of this browser are asked for subgroups, and have them.
    ///
    /// # Errors
    /// There is no adapter, or a file is missing, malformed or contradicts another.
    pub async fn open(files: Files, options: JsValue) -> Result<Engine, JsValue> {
        let says = |name: &str| Reflect::get(&options, &name.into()).is_ok_and(|value| value.is_truthy());
        let limits = match (says("defaultLimits"), says("subgroups")) {
            (true, _) => Limits::WebGpuDefault,
            (false, true) => Limits::AdapterAndSubgroups,
            (false, false) => Limits::Adapter,
        };
        // Whichever adapter the browser gives: there is no CPU device to fall back on.
        let opened = device::open_within(&DeviceChoice::Adapter(String::new()), limits).await;
        let (device, report) = opened.map_err(error::model)?;
        let pipeline = Pipeline::load(Arc::new(Source(files)), device).await.map_err(error::model)?;
        Ok(Self { pipeline, device: report })
    }

    /// Model, adapter and defaults, and what the model says it can draw.
    ///
    /// # Errors
    /// None.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        let checkpoint = self.pipeline.checkpoint();
        let tensors = checkpoint.components().flat_map(|(_, component)| component.tensors());
        let bytes: u64 = tensors.map(|(_, stored)| stored.bytes()).sum();
        let adapter = match &self.device {
            DeviceReport::Gpu(adapter) => object([
                ("name", adapter.name.as_str().into()),
                ("kind", event::plain(&adapter.kind)?),
                ("f16", adapter.f16.into()),
                ("packedDot", adapter.packed_dot.into()),
                ("maxBuffer", (adapter.max_buffer as f64).into()),
            ]),
            DeviceReport::Cpu { .. } => JsValue::UNDEFINED,
        };
        let Request { width, height, steps, guidance, sampling, .. } = self.pipeline.request("");
        let defaults = object([
            ("width", width.into()),
            ("height", height.into()),
            ("steps", steps.into()),
            ("guidance", guidance.into()),
            ("temperature", sampling.temperature.into()),
        ]);
        Ok(object([
            ("model", checkpoint.fingerprint().into()),
            ("bytes", (bytes as f64).into()),
            ("codes", checkpoint.config().prior.vq_config.num_embeddings.into()),
            ("adapter", adapter),
            ("defaults", defaults),
            ("card", checkpoint.card().map_or(Ok(JsValue::UNDEFINED), event::plain)?),
        ]))
    }

    /// Makes one picture. `on_event` gets every event as an object; when it returns true, the run stops.
    ///
    /// # Errors
    /// The request is out of range, a file is damaged, the device fails, or the run was stopped.
    pub async fn generate(&mut self, request: JsValue, on_event: Function) -> Result<JsValue, JsValue> {
        let asked = GenerateRequest::read(request)?;
        let request = asked.onto(self.pipeline.request(asked.prompt()))?;
        let tell = |event: &JsValue| {
            let stop = on_event.call1(&JsValue::NULL, event).is_ok_and(|stop| stop.is_truthy());
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let observer =
            |event: &Event| event::event(event).map_or(ControlFlow::Continue(()), |event| tell(&event));
        let run = &mut Run::observed(observer).with_previews();
        let pipeline = &mut self.pipeline;
        pipeline.check(&request).map_err(error::model)?;
        let warnings = pipeline.checkpoint().card().map(|card| card.warnings(&request));
        for warning in warnings.into_iter().flatten() {
            if tell(&event::warning(&warning)?).is_break() {
                return Err(error::model(atelier::Error::Cancelled));
            }
        }
        pipeline.plan(&request, None).map_err(error::model)?;
        let sources = pipeline.sources(&request.sources, run).await.map_err(error::model)?;
        let blueprint = match &asked.blueprint {
            Some(blueprint) => blueprint.clone(),
            None => {
                let written = pipeline.blueprints(&request, &sources, run).await.map_err(error::model)?;
                let written = written.into_iter().next();
                written.ok_or_else(|| error::request("expected a prompt, found none"))?
            }
        };
        let event = object([("event", "blueprint".into()), ("blueprint", json(&blueprint)?)]);
        if tell(&event).is_break() {
            return Err(error::model(atelier::Error::Cancelled));
        }
        let pictures = pipeline.pictures(vec![blueprint], &request, &sources, run).await;
        let picture = pictures.map_err(error::model)?.into_iter().next();
        let picture = picture.ok_or_else(|| error::request("expected one picture, found none"))?;
        let record = RunRecord {
            format: RUN_FORMAT.to_owned(),
            version: version(),
            model: asked.name.clone(),
            device: device_name(&self.device),
            blueprint: Blueprint::clone(&picture.blueprint),
            paint: picture.options,
            image: 0,
            images: 1,
            sources: asked.images.iter().map(|image| image.name.clone()).collect(),
            latents: None,
        };
        let note = asked.metadata.then_some((&record, asked.name.as_str()));
        let png = encode_png(&picture.image, note).map_err(error::model)?;
        let result = event::pixels(&picture.image, event::bytes(&event::rgba(&picture.image)));
        let _ = Reflect::set(&result, &"png".into(), &event::bytes(&png));
        let _ = Reflect::set(&result, &"record".into(), &json(&record)?);
        Ok(result)
    }

    /// Frees the weights of whichever stage is on the device.
    pub fn release(&mut self) {
        self.pipeline.release();
    }
}

/// As the program writes it: JSON rounds no number.
fn json(value: &impl serde::Serialize) -> Result<JsValue, JsValue> {
    let text = serde_json::to_string(value).map_err(error::request)?;
    JSON::parse(&text)
}

/// The run that a PNG of ours notes.
///
/// # Errors
/// It is no PNG, is damaged, or was made by another program.
#[wasm_bindgen(js_name = readRun)]
pub fn read_run(png: &[u8]) -> Result<JsValue, JsValue> {
    json(&read_png(Cursor::new(png)).map_err(error::model)?)
}

/// The version of this module.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
