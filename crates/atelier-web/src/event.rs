//! Reports of a run as JavaScript objects.

use atelier::{Event, RgbImage, Warning};
use js_sys::{JSON, Reflect, Uint8Array, Uint8ClampedArray};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;

#[wasm_bindgen(typescript_custom_section)]
const RUN_REPORT: &str = r#"
import type {
  Blueprint, EngineEvent, EngineRequest, ModelInfo, Pixels, RunRecord, Warning,
} from "../generated/atelier.js";

/** What happens during a run. */
export type RunReport = EngineEvent | WarningReport | PictureReport;

/** What the model was not taught, or a source image that may be another one, and a sentence that says so. */
export type WarningReport = (Warning | ChangedSource) & { readonly event: "warning"; readonly message: string };

/**
 * A source image has other pixels than the blueprint was written for. Programs decode the same file differently, by a level or
 * two; but it may be another picture.
 */
export interface ChangedSource {
  readonly kind: "changed-source";
  /** The name of its file. */
  readonly name: string;
}

/** A finished picture. */
export interface PictureReport {
  readonly event: "picture";
  /** Counted from 0. */
  readonly image: number;
  /** All pictures of the run. */
  readonly images: number;
  readonly png: Uint8Array<ArrayBuffer>;
  readonly record: RunRecord;
}
"#;

/// Plain objects and numbers, as JSON has them.
pub fn plain(value: &impl Serialize) -> Result<JsValue, JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(error::request)
}

/// As the program writes it: JSON rounds no number.
fn json(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let text = serde_json::to_string(value).map_err(error::request)?;
    JSON::parse(&text)
}

/// An event of the library, with what it does not serialise itself.
pub fn event(event: &Event) -> Result<JsValue, JsValue> {
    let value = plain(event)?;
    match event {
        Event::Blueprint { blueprint, .. } => set(&value, "blueprint", json(&**blueprint)?),
        Event::Step { preview: Some(preview), .. } => set(&value, "preview", pixels(preview)),
        _ => {}
    }
    Ok(value)
}

/// What the model was not taught: the library's own fields, and a sentence.
pub fn warning(warning: &Warning) -> Result<JsValue, JsValue> {
    let value = plain(warning)?;
    set(&value, "event", "warning".into());
    set(&value, "message", warning.to_string().into());
    Ok(value)
}

/// A source image that has other pixels than a blueprint was written for.
pub fn changed_source(name: &str) -> Result<JsValue, JsValue> {
    let value = JsValue::from(js_sys::Object::new());
    set(&value, "event", "warning".into());
    set(&value, "kind", "changed-source".into());
    set(&value, "name", name.into());
    set(&value, "message", format!("{name} has other pixels than the blueprint was written for").into());
    Ok(value)
}

/// A finished picture.
pub fn picture(image: usize, images: usize, png: &[u8], record: &impl Serialize) -> Result<JsValue, JsValue> {
    let value = JsValue::from(js_sys::Object::new());
    set(&value, "event", "picture".into());
    set(&value, "image", image.into());
    set(&value, "images", images.into());
    set(&value, "png", Uint8Array::from(png).into());
    set(&value, "record", json(record)?);
    Ok(value)
}

/// `{ width, height, data }`, four bytes a pixel.
fn pixels(image: &RgbImage) -> JsValue {
    let rgba: Vec<u8> =
        image.pixels.chunks(3).flat_map(|pixel| pixel.iter().copied().chain([u8::MAX])).collect();
    let value = JsValue::from(js_sys::Object::new());
    set(&value, "width", image.width.into());
    set(&value, "height", image.height.into());
    set(&value, "data", Uint8ClampedArray::from(&rgba[..]).into());
    value
}

/// Setting a property of an object that was just made cannot fail.
fn set(object: &JsValue, name: &str, value: JsValue) {
    let _ = Reflect::set(object, &name.into(), &value);
}
