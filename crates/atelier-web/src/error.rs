//! Errors as JavaScript meets them: `Error` objects with a `code`, and the file that is at fault if one is.

use atelier::{Error, ErrorCode};
use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};

/// What an exception or another value says.
pub fn text(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => value.as_string().unwrap_or_else(|| format!("{value:?}")),
    }
}

/// An error of the request's own form.
pub fn request(problem: impl std::fmt::Display) -> JsValue {
    object(&problem.to_string(), ErrorCode::BadRequest, None)
}

/// An error of the model crate.
pub fn model(error: Error) -> JsValue {
    let file = if let Error::Source(error) = &error { error.file() } else { None };
    object(&error.to_string(), error.code(), file)
}

fn object(message: &str, code: ErrorCode, file: Option<&str>) -> JsValue {
    let error = JsValue::from(js_sys::Error::new(message));
    // Setting a property of an object that was just made cannot fail.
    let code = serde_wasm_bindgen::to_value(&code).unwrap_or_default();
    let _ = Reflect::set(&error, &"code".into(), &code);
    if let Some(file) = file {
        let _ = Reflect::set(&error, &"file".into(), &file.into());
    }
    error
}
