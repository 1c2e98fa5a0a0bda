//! Small print under pictures.

use std::collections::HashMap;
use std::path::PathBuf;

use swash::FontRef;
use swash::scale::image::Image;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::{Format, Vector};

use crate::fonts::{FontError, read_font};

const FONT: &str = "DejaVuSans.ttf";
const EM: f32 = 11.5;
/// The baseline, in pixels below the top of a line.
const BASELINE: f32 = 13.;

/// Small dark type on light paper.
#[derive(Clone)]
pub(crate) struct Caption {
    /// What was drawn of a character, and how far the next one stands.
    glyphs: HashMap<char, (Option<Image>, f32)>,
    bytes: Vec<u8>,
}

impl Caption {
    /// Height of a line in pixels.
    pub(crate) const LINE: usize = 17;

    /// The type, from the fonts under `folders`.
    ///
    /// # Errors
    /// If its font is missing or broken.
    pub(crate) fn new(folders: &[PathBuf]) -> Result<Self, FontError> {
        let (path, bytes) = read_font(folders, FONT)?;
        FontRef::from_index(&bytes, 0).ok_or(FontError::Broken(path))?;
        Ok(Self { glyphs: HashMap::new(), bytes })
    }

    /// The width of a text in pixels.
    pub(crate) fn width(&mut self, text: &str) -> f32 {
        text.chars().map(|character| self.glyph(character).1).sum()
    }

    /// Writes `text` into RGB pixels with its upper left corner at `(left, top)`; what lies outside is left out.
    ///
    /// # Shapes
    /// - rgb: `[height, width, 3]`
    pub(crate) fn write(&mut self, rgb: &mut [u8], width: usize, [left, top]: [usize; 2], text: &str) {
        let mut pen = 0.;
        for character in text.chars() {
            let (image, advance) = self.glyph(character);
            if let Some(image) = image {
                let across = image.placement.width as usize;
                for (place, &coverage) in image.data.iter().enumerate() {
                    let x = left as i32 + pen as i32 + image.placement.left + (place % across) as i32;
                    let y = top as i32 - image.placement.top + (place / across) as i32;
                    let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { continue };
                    let place = 3 * (y * width + x);
                    let Some(pixel) = rgb.get_mut(place..place + 3).filter(|_| x < width) else { continue };
                    for value in pixel {
                        let ink = u32::from(coverage) * u32::from(value.saturating_sub(30)) / 255;
                        *value -= ink as u8;
                    }
                }
            }
            pen += advance;
        }
    }

    fn glyph(&mut self, character: char) -> &(Option<Image>, f32) {
        self.glyphs.entry(character).or_insert_with(|| {
            let Some(font) = FontRef::from_index(&self.bytes, 0) else { return (None, 0.) };
            let id = font.charmap().map(character);
            let mut context = ScaleContext::new();
            let mut scaler = context.builder(font).size(EM).hint(false).build();
            let image = Render::new(&[Source::Outline])
                .format(Format::Alpha)
                .offset(Vector::new(0., -BASELINE))
                .render(&mut scaler, id);
            (image, font.glyph_metrics(&[]).scale(EM).advance_width(id))
        })
    }
}
