/** The engine is built by wasm-bindgen into src/wasm; this stands in for it where that was not done yet. */
declare module "*/atelier_web.js";
