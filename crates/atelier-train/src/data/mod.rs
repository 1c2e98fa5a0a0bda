//! The training data: procedural typography, endless and seeded.
//!
//! A [`Sample`] is a [`Description`] (what is said), its prompt (how it is said) and its [`Scene`] (where everything
//! stands). Making one needs no font and no picture; [`Painter`] draws the scene when pixels are wanted.
//!
//! Text is set on the model's own grid: [`Geometry`] gives every character a whole number of 32-pixel cells, so that
//! one visual code means one part of one character, wherever it stands.

mod caption;
mod curriculum;
mod decoration;
mod description;
mod error;
mod geometry;
mod grammar;
mod paint;
mod prompts;
mod random;
mod sample;
mod scene;
mod sheet;
mod typeface;
mod words;

pub use caption::Caption;
pub use curriculum::{Colours, Curriculum, Decorate, Split};
pub use decoration::{Decoration, Ornament, Shape};
pub use description::{Carrier, Colour, Description, Lead, Phrase, Quote, Region, Role, Row, Side, Size};
pub use error::{DataError, LayoutError};
pub use geometry::{CELL, Face, FaceSpec, Geometry, SizeSpec, Tracking};
pub use grammar::{parse, prompt};
pub use paint::{CellLabel, Painter, Picture, PixelBox};
pub use prompts::{PromptFile, PromptRecord, RegionRecord};
pub use random::Random;
pub use sample::Sample;
pub use scene::{CellBox, Line, PlacedRegion, Scene, Style};
pub use sheet::sheet;
pub(crate) use typeface::read_font;
pub use words::Words;
