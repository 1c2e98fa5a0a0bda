//! GLM-Image in a browser tab: a thin layer between JavaScript and the crate `atelier`.
//!
//! Requests and events are plain JavaScript objects, files come from a [`Source`](source::Source) that JavaScript
//! implements, and nothing here knows anything about the model. The npm package in `web/src` runs it in a worker.

#![cfg(target_family = "wasm")]

mod check;
mod engine;
mod error;
mod event;
mod hasher;
mod input;
mod source;

use wasm_bindgen::prelude::wasm_bindgen;

pub use check::check;
pub use engine::{Engine, version};
pub use hasher::Hasher;

#[wasm_bindgen]
extern "C" {
    /// What the page may define to learn of a crash.
    #[wasm_bindgen(catch, js_namespace = globalThis, js_name = atelierPanic)]
    fn report_panic(message: &str) -> Result<(), wasm_bindgen::JsValue>;
}

#[allow(unsafe_code)]
unsafe extern "C" {
    /// What registers things before a program's `main`; the linker makes it.
    fn __wasm_call_ctors();
}

/// Runs once, before anything else.
#[wasm_bindgen(start)]
fn start() {
    // Unless someone calls them, the linker takes the module for a program and has every exported function register
    // all of burn's operations again, which takes a hundred times as long as to launch a kernel.
    // SAFETY: the linker's own function, which takes nothing and is called once.
    #[allow(unsafe_code)]
    unsafe {
        __wasm_call_ctors();
    }
    // A panic ends the module: JavaScript is told first, so that it can say why and begin anew.
    std::panic::set_hook(Box::new(|info| {
        // Nobody listens: there is no one else to tell.
        let _ = report_panic(&info.to_string());
    }));
}
