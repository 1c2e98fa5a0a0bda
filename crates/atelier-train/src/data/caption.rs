//! Small print under pictures and beside curves.

use std::path::PathBuf;

use super::description::Size;
use super::error::DataError;
use super::geometry::{Face, FaceSpec, Geometry, SizeSpec, Tracking};
use super::typeface::Glyphs;

/// Small dark type on light paper.
#[derive(Debug, Clone)]
pub struct Caption {
    glyphs: Glyphs,
}

impl Caption {
    /// Height of a line in pixels.
    pub const LINE: usize = 17;

    /// The type, from the fonts under `folders`.
    ///
    /// # Errors
    /// If its font is missing.
    pub fn new(folders: &[PathBuf]) -> Result<Self, DataError> {
        let spec = SizeSpec { pitch: 0, rows: 1, overhang: 0, em: 12.5, baseline: 13. };
        let face = FaceSpec {
            file: "DejaVuSans.ttf",
            package: "fonts-dejavu-core",
            scale: 1.,
            stretch: [0.9; 3],
            fill: 0.,
        };
        let geometry =
            Geometry { name: "caption", tracking: Tracking::Natural, sizes: [spec; 3], faces: [face; 2] };
        Ok(Self { glyphs: Glyphs::load(&geometry, folders)? })
    }

    /// The width of a text in pixels.
    pub fn width(&self, text: &str) -> f32 {
        text.chars().map(|character| self.advance(character)).sum()
    }

    /// Writes `text` into RGB pixels with its upper left corner at `(left, top)`; what lies outside is left out.
    ///
    /// # Shapes
    /// - rgb: `[height, width, 3]`
    pub fn write(&self, rgb: &mut [u8], width: usize, [left, top]: [usize; 2], text: &str) {
        let mut pen = 0.;
        for character in text.chars() {
            if let Some(glyph) = self.glyphs.get(Face::Sans, Size::Small, character) {
                for (down, row) in glyph.coverage.chunks_exact(glyph.width.max(1)).enumerate() {
                    for (right, coverage) in row.iter().enumerate() {
                        let x = (left as i32 + pen as i32 + glyph.left).max(0) as usize + right;
                        let y = (top as i32 + glyph.top).max(0) as usize + down;
                        let place = 3 * (y * width + x);
                        if let Some(pixel) = rgb.get_mut(place..place + 3).filter(|_| x < width) {
                            let darker = |paper: u8| {
                                paper
                                    - (u32::from(*coverage) * u32::from(paper.saturating_sub(30)) / 255) as u8
                            };
                            pixel.iter_mut().for_each(|value| *value = darker(*value));
                        }
                    }
                }
            }
            pen += self.advance(character);
        }
    }

    fn advance(&self, character: char) -> f32 {
        let glyph = self.glyphs.get(Face::Sans, Size::Small, character);
        glyph.map_or(self.glyphs.space(Face::Sans, Size::Small), |glyph| glyph.advance)
    }
}
