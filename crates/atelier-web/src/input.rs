//! What JavaScript asks for.

use std::collections::BTreeSet;

use atelier::device;
use atelier::{Blueprint, Device, DeviceChoice, DeviceReport, Request, RgbImage, SourceRecord, Start};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;

#[wasm_bindgen(typescript_custom_section)]
const RUN_INPUT: &str = r#"
/** How a device is opened. */
export interface OpenOptions {
  /** Ask the adapter for no more than WebGPU's default limits. */
  readonly defaultLimits: boolean;
  /** Devices of this browser are asked for subgroups, and have them. */
  readonly subgroups: boolean;
  /** Variants that kernels are to do without: `subgroups`, `dot`, `matrices`. */
  readonly avoid: readonly string[];
}

/** A source image and the name of its file. */
export interface SourceImage extends Pixels {
  readonly name: string;
}

/** A run to be made. */
export interface RunInput {
  readonly request: EngineRequest;
  /** The source images, used with every prompt. */
  readonly images: readonly SourceImage[];
  /** The model's name, for the PNG's note. */
  readonly name: string;
  /** Whether the PNG notes how it was made. */
  readonly metadata: boolean;
  /** Of a run that was cut short: the blueprint, if it was written, */
  readonly written?: Blueprint;
  /** and the first pictures, which are not made again. */
  readonly made: number;
}
"#;

/// See the TypeScript above. All of it is about adapters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "gpu"), expect(dead_code))]
pub struct OpenOptions {
    default_limits: bool,
    subgroups: bool,
    avoid: Vec<String>,
}

impl OpenOptions {
    pub fn read(options: &JsValue) -> Result<Self, JsValue> {
        serde_wasm_bindgen::from_value(options.clone()).map_err(error::request)
    }

    /// Opens the CPU, which is all that this module has.
    #[cfg(not(feature = "gpu"))]
    pub async fn device(&self) -> Result<(Device, DeviceReport), JsValue> {
        device::open(&DeviceChoice::Cpu).await.map_err(error::model)
    }

    /// Opens whichever adapter the browser gives.
    #[cfg(feature = "gpu")]
    pub async fn device(&self) -> Result<(Device, DeviceReport), JsValue> {
        use atelier::device::{Limits, Variants};

        let limits = match (self.default_limits, self.subgroups) {
            (true, _) => Limits::WebGpuDefault,
            (false, true) => Limits::AdapterAndSubgroups,
            (false, false) => Limits::Adapter,
        };
        let choice = DeviceChoice::Adapter(String::new());
        let variants = match device::choose(&choice, limits).await.map_err(error::model)? {
            DeviceReport::Gpu(adapter) => {
                let avoided = |name: &str| self.avoid.iter().any(|avoided| avoided == name);
                adapter.variants().iter().filter(|variant| !avoided(variant.name())).collect()
            }
            DeviceReport::Cpu { .. } => Variants::NONE,
        };
        device::open_within(&choice, limits, Some(variants)).await.map_err(error::model)
    }
}

/// See the TypeScript above.
#[derive(Debug, Deserialize)]
pub struct RunInput {
    pub request: Request,
    pub images: Vec<Image>,
    pub name: String,
    pub metadata: bool,
    pub written: Option<Blueprint>,
    pub made: usize,
}

/// See the TypeScript above.
#[derive(Debug, Deserialize)]
pub struct Image {
    width: usize,
    height: usize,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    data: js_sys::Uint8ClampedArray,
    pub name: String,
}

impl RunInput {
    pub fn read(value: JsValue) -> Result<Self, JsValue> {
        serde_wasm_bindgen::from_value(value).map_err(error::request)
    }

    /// The request with the source images in it.
    pub fn request(&self) -> Result<Request, JsValue> {
        let sources = self.images.iter().map(Image::rgb).collect::<Result<_, _>>()?;
        Ok(Request { sources, ..self.request.clone() })
    }

    /// The names of source images that have other pixels than a blueprint of the request was written for.
    pub fn changed_sources(&self, request: &Request) -> impl Iterator<Item = &str> {
        let records: Vec<_> = request.sources.iter().map(SourceRecord::of).collect();
        let blueprints = match &request.start {
            Start::Blueprints(blueprints) => &blueprints[..],
            Start::Prompts(_) => &[],
        };
        let changed: BTreeSet<usize> =
            blueprints.iter().flat_map(|blueprint| blueprint.changed_sources(&records)).collect();
        changed.into_iter().filter_map(|place| self.images.get(place)).map(|image| image.name.as_str())
    }
}

impl Image {
    /// On white where it is transparent, as the program does.
    fn rgb(&self) -> Result<RgbImage, JsValue> {
        RgbImage::on_white(self.width, self.height, &self.data.to_vec()).map_err(error::model)
    }
}
