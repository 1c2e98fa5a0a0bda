//! Samples as all trainings see them: prompt, pixels and codes.

use std::path::PathBuf;
use std::sync::Arc;

use super::codes::Codebook;
use super::error::Result;
use super::recipe::Recipe;
use crate::data::{Curriculum, Geometry, Painter, Picture, Sample};

/// Draws samples and reads their codes.
#[derive(Debug, Clone)]
pub struct Studio {
    painter: Arc<Painter>,
    /// The meaning of every code.
    pub codebook: Arc<Codebook>,
}

/// A sample, its pixels and the code of each of its cells.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The sample.
    pub sample: Sample,
    /// The pixels.
    pub picture: Picture,
    /// The codes, row by row.
    pub codes: Vec<u32>,
}

impl Studio {
    /// A studio for mini's geometry, with the fonts found under `folders`.
    ///
    /// # Errors
    /// A font is missing.
    pub fn new(folders: &[PathBuf]) -> Result<Self> {
        let geometry = Geometry::column();
        let painter = Painter::new(&geometry, folders)?;
        let codebook = Codebook::new(&painter, &geometry)?;
        Ok(Self { painter: Arc::new(painter), codebook: Arc::new(codebook) })
    }

    /// The model that goes with the codebook.
    pub fn recipe(&self) -> Recipe {
        Recipe::new(self.codebook.codes().len())
    }

    /// Sample `index` of the stream under `seed`.
    ///
    /// # Errors
    /// The curriculum asks for what does not fit.
    pub fn draw(&self, seed: u64, index: u64, curriculum: &Curriculum) -> Result<Drawing> {
        self.drawing(Sample::generate(seed, index, curriculum)?)
    }

    /// A sample with its pixels and codes.
    ///
    /// # Errors
    /// It shows something that has no code.
    pub fn drawing(&self, sample: Sample) -> Result<Drawing> {
        let picture = self.painter.paint(&sample.scene)?;
        let codes = self.codebook.read(&self.painter, &sample.scene, &picture)?;
        Ok(Drawing { sample, picture, codes })
    }
}
