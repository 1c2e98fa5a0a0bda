//! Errors as JavaScript meets them: `Error` objects with a `code`, and the file that is at fault if one is.

use atelier::Error;
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
    object(&problem.to_string(), "bad-request", None)
}

/// An error of the model crate.
pub fn model(error: Error) -> JsValue {
    let code = match &error {
        Error::Request { .. } => "bad-request",
        Error::SourceImage { .. } | Error::Png(_) => "bad-image",
        Error::Blueprint { .. } => "bad-blueprint",
        Error::Device(_) => "no-adapter",
        Error::Cancelled => "cancelled",
        Error::Buffer { .. } | Error::Source(atelier_weights::Error::NoMemory { .. }) => "out-of-memory",
        Error::Config { .. } | Error::Weights { .. } | Error::Tokenizer { .. } | Error::Source(_) => {
            "bad-file"
        }
        _ => "compute",
    };
    let file = if let Error::Source(error) = &error { error.file() } else { None };
    object(&error.to_string(), code, file)
}

fn object(message: &str, code: &str, file: Option<&str>) -> JsValue {
    let error = JsValue::from(js_sys::Error::new(message));
    // Setting a property of an object that was just made cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    if let Some(file) = file {
        let _ = Reflect::set(&error, &"file".into(), &file.into());
    }
    error
}
