//! The engine: a model on the browser's graphics device.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use atelier::device::Limits;
use atelier::record::{RecordContext, device_name, encode_png, read_png};
use atelier::{DeviceChoice, DeviceReport, Event, Observer, Picture, Pipeline, Settings, device};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::event::{self, json, object};
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
        let Settings { width, height, steps, guidance, sampling } = self.pipeline.defaults();
        let defaults = json(&sampling)?;
        for (name, value) in [
            ("width", width.into()),
            ("height", height.into()),
            ("steps", steps.into()),
            ("guidance", guidance.into()),
        ] {
            // Setting a property of an object that was just made cannot fail.
            let _ = Reflect::set(&defaults, &name.into(), &value);
        }
        Ok(object([
            ("model", checkpoint.fingerprint().into()),
            ("bytes", (bytes as f64).into()),
            ("codes", checkpoint.config().prior.vq_config.num_embeddings.into()),
            ("adapter", adapter),
            ("defaults", defaults),
            ("card", checkpoint.card().map_or(Ok(JsValue::UNDEFINED), event::plain)?),
        ]))
    }

    /// Makes the pictures that are asked for, in an array. `on_event` gets every event as an object, and each picture as soon
    /// as it is decoded; when it returns true, the run stops.
    ///
    /// # Errors
    /// The request is out of range, a file is damaged, the device fails, or the run was stopped.
    pub async fn generate(&mut self, request: JsValue, on_event: Function) -> Result<Array, JsValue> {
        let asked = GenerateRequest::read(request)?;
        let tell = |event: &JsValue| {
            let stop = on_event.call1(&JsValue::NULL, event).is_ok_and(|stop| stop.is_truthy());
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let cancelled = || error::model(atelier::Error::Cancelled);
        let mut run = self.pipeline.prepare(&asked.request, None).map_err(error::model)?;
        for warning in run.warnings() {
            if tell(&event::warning(&warning)?).is_break() {
                return Err(cancelled());
            }
        }
        let context = RecordContext {
            version: version(),
            model: asked.name.clone(),
            device: device_name(&self.device),
            sources: asked.images.iter().map(|image| image.name.clone()).collect(),
            latents: None,
        };
        let observer =
            |event: &Event| event::event(event).map_or(ControlFlow::Continue(()), |event| tell(&event));
        let observer = &mut Observer::new(observer).with_previews();
        let pictures = Array::new();
        while let Some(picture) = run.next_picture(observer).await.map_err(error::model)? {
            let (image, images) = (picture.index, picture.images);
            let picture = finished(&picture, &context, asked.metadata)?;
            pictures.push(&picture);
            let event = [
                ("event", "picture".into()),
                ("image", image.into()),
                ("images", images.into()),
                ("picture", picture),
            ];
            if tell(&object(event)).is_break() && image + 1 < images {
                return Err(cancelled());
            }
        }
        Ok(pictures)
    }

    /// Frees the weights of whichever stage is on the device.
    pub fn release(&mut self) {
        self.pipeline.release();
    }
}

/// A picture as JavaScript has it: pixels, the PNG, and what that notes.
fn finished(picture: &Picture, context: &RecordContext, metadata: bool) -> Result<JsValue, JsValue> {
    let record = picture.record(context);
    let note = metadata.then_some((&record, context.model.as_str()));
    let png = encode_png(&picture.image, note).map_err(error::model)?;
    let result = event::pixels(&picture.image, event::bytes(&event::rgba(&picture.image)));
    // Setting a property of an object that was just made cannot fail.
    let _ = Reflect::set(&result, &"png".into(), &event::bytes(&png));
    let _ = Reflect::set(&result, &"record".into(), &json(&record)?);
    Ok(result)
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
