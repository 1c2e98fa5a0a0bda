//! Training of mini: four trainings of the modules of the `atelier` crate.

mod architect;
mod codes;
mod curve;
mod error;
mod export;
mod factors;
mod files;
mod painter;
mod parameters;
mod preview;
mod recipe;
mod redraw;
mod run;
mod studio;
mod task;
mod vae;
mod vision;

pub use architect::ArchitectTask;
pub use codes::{CHARACTERS, Code, Codebook};
pub use curve::draw as draw_curves;
pub use error::{Result, TrainError};
pub use export::export;
pub use painter::PainterTask;
pub use parameters::{Initial, Method, Parameters, Policy};
pub use recipe::{Recipe, SIDE};
pub use redraw::{Redraw, Through};
pub use run::{Options, check, run};
pub use studio::{Drawing, Studio};
pub use task::{Figures, Progress, Task};
pub use vae::{DecoderTask, VaeTask};
pub use vision::VisionTask;
