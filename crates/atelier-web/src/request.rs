//! What JavaScript asks for.

use atelier::{Request, RgbImage};
use serde::Deserialize;

use crate::error;
use wasm_bindgen::JsValue;

/// A run: the library's own request, and what it takes from a page.
#[derive(Debug, Deserialize)]
pub struct GenerateRequest {
    pub request: Request,
    /// The source images.
    #[serde(default)]
    pub images: Vec<Image>,
    /// The model's name, for the PNG's note.
    pub name: String,
    /// Whether the PNG notes how it was made.
    pub metadata: bool,
}

/// A source image.
#[derive(Debug, Deserialize)]
pub struct Image {
    width: usize,
    height: usize,
    /// RGBA.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    data: js_sys::Uint8Array,
    /// Its file's.
    pub name: String,
}

impl GenerateRequest {
    pub fn read(value: JsValue) -> Result<Self, JsValue> {
        let mut asked: Self = serde_wasm_bindgen::from_value(value).map_err(error::request)?;
        asked.request.sources = asked.images.iter().map(Image::rgb).collect::<Result<_, _>>()?;
        Ok(asked)
    }
}

impl Image {
    /// On white where it is transparent, as the program does.
    fn rgb(&self) -> Result<RgbImage, JsValue> {
        RgbImage::on_white(self.width, self.height, &self.data.to_vec()).map_err(error::model)
    }
}
