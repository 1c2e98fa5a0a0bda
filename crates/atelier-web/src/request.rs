//! What JavaScript asks for.

use atelier::{Blueprint, Request, RgbImage};
use serde::Deserialize;

use crate::error;
use wasm_bindgen::JsValue;

/// One picture to be made; what is left out has the model's own default.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerateRequest {
    pub prompt: Option<String>,
    pub width: Option<usize>,
    pub height: Option<usize>,
    pub steps: Option<usize>,
    pub guidance: Option<f32>,
    pub seed: u64,
    pub temperature: Option<f32>,
    /// To be painted in place of a new one.
    pub blueprint: Option<Blueprint>,
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
        serde_wasm_bindgen::from_value(value).map_err(error::request)
    }

    /// Lays it over the model's defaults.
    pub fn onto(&self, mut request: Request) -> Result<Request, JsValue> {
        let sides = self.blueprint.as_ref().map(|blueprint| (blueprint.width, blueprint.height));
        let (width, height) = sides.unwrap_or((request.width, request.height));
        request.width = self.width.unwrap_or(width);
        request.height = self.height.unwrap_or(height);
        request.steps = self.steps.unwrap_or(request.steps);
        request.guidance = self.guidance.unwrap_or(request.guidance);
        request.sampling.temperature = self.temperature.unwrap_or(request.sampling.temperature);
        request.seed = self.seed;
        request.sources = self.images.iter().map(Image::rgb).collect::<Result<_, _>>()?;
        Ok(request)
    }

    /// Its own prompt, or the one of its blueprint.
    pub fn prompt(&self) -> String {
        let written = self.blueprint.as_ref().map(|blueprint| blueprint.prompt.clone());
        self.prompt.clone().or(written).unwrap_or_default()
    }
}

impl Image {
    /// On white where it is transparent, as the program does.
    fn rgb(&self) -> Result<RgbImage, JsValue> {
        RgbImage::on_white(self.width, self.height, &self.data.to_vec()).map_err(error::model)
    }
}
