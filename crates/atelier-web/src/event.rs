//! Events and results as JavaScript objects.

use atelier::{Event, RgbImage, Warning};
use js_sys::{JSON, Object, Reflect, Uint8Array, Uint8ClampedArray};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::error;

/// Plain objects and numbers, as JSON has them.
pub fn plain(value: &impl Serialize) -> Result<JsValue, JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(error::request)
}

/// An object with these properties.
pub fn object<const N: usize>(properties: [(&str, JsValue); N]) -> JsValue {
    let object = JsValue::from(Object::new());
    for (name, value) in properties {
        // Setting a property of an object that was just made cannot fail.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object
}

/// As the program writes it: JSON rounds no number.
pub fn json(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let text = serde_json::to_string(value).map_err(error::request)?;
    JSON::parse(&text)
}

/// An event; `None` for one that cannot be told.
pub fn event(event: &Event) -> Option<JsValue> {
    let value = plain(event).ok()?;
    let (name, more) = match event {
        Event::Blueprint { blueprint, .. } => ("blueprint", json(&**blueprint).ok()?),
        Event::Step { preview: Some(preview), .. } => {
            let data = Uint8ClampedArray::from(&rgba(preview)[..]);
            ("preview", pixels(preview, data.into()))
        }
        _ => return Some(value),
    };
    // Setting a property of an object that was just made cannot fail.
    let _ = Reflect::set(&value, &name.into(), &more);
    Some(value)
}

/// What the model was not taught: the library's own fields, and a sentence.
pub fn warning(warning: &Warning) -> Result<JsValue, JsValue> {
    let value = plain(warning)?;
    // Setting a property of an object that was just made cannot fail.
    let _ = Reflect::set(&value, &"event".into(), &"warning".into());
    let _ = Reflect::set(&value, &"message".into(), &warning.to_string().into());
    Ok(value)
}

/// `{ width, height, data }`.
pub fn pixels(image: &RgbImage, data: JsValue) -> JsValue {
    object([("width", image.width.into()), ("height", image.height.into()), ("data", data)])
}

/// The picture's bytes, four a pixel.
pub fn rgba(image: &RgbImage) -> Vec<u8> {
    image.pixels.chunks(3).flat_map(|pixel| pixel.iter().copied().chain([u8::MAX])).collect()
}

/// Bytes as JavaScript has them.
pub fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}
