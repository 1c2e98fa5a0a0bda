//! Sheets of pictures with their prompts, to look at.

use std::path::PathBuf;

use super::description::Size;
use super::error::DataError;
use super::geometry::{Face, FaceSpec, Geometry, SizeSpec, Tracking};
use super::paint::Picture;
use super::typeface::Glyphs;

const COLUMNS: usize = 4;
const MARGIN: usize = 16;
/// Four lines of caption.
const CAPTION: usize = 72;
const LINE: usize = 17;
const PAPER: u8 = 236;

/// Pictures of one size, half as large, four in a row, each above its prompt.
///
/// # Errors
/// If the caption's font is missing.
pub fn sheet(entries: &[(Picture, String)], folders: &[PathBuf]) -> Result<Picture, DataError> {
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
    let glyphs = Glyphs::load(&geometry, folders)?;

    let (wide, high) = entries
        .first()
        .map_or((0, 0), |(picture, _)| (picture.width as usize / 2, picture.height as usize / 2));
    let rows = entries.len().div_ceil(COLUMNS);
    let width = COLUMNS * (wide + MARGIN) + MARGIN;
    let height = rows * (high + CAPTION + MARGIN) + MARGIN;
    let mut rgb = vec![PAPER; 3 * width * height];
    for (index, (picture, prompt)) in entries.iter().enumerate() {
        let left = MARGIN + index % COLUMNS * (wide + MARGIN);
        let top = MARGIN + index / COLUMNS * (high + CAPTION + MARGIN);
        for y in 0..high {
            for x in 0..wide {
                for channel in 0..3 {
                    let source = |dx: usize, dy: usize| {
                        let place = (2 * y + dy) * picture.width as usize + 2 * x + dx;
                        u32::from(picture.rgb[3 * place + channel])
                    };
                    let sum = source(0, 0) + source(1, 0) + source(0, 1) + source(1, 1);
                    rgb[3 * ((top + y) * width + left + x) + channel] = (sum / 4) as u8;
                }
            }
        }
        let advance = |character| {
            glyphs
                .get(Face::Sans, Size::Small, character)
                .map_or(glyphs.space(Face::Sans, Size::Small), |glyph| glyph.advance)
        };
        let (mut pen, mut line) = (0., top + high + 3);
        for word in prompt.split_inclusive(' ') {
            let length: f32 = word.trim_end().chars().map(advance).sum();
            if pen > 0. && pen + length > wide as f32 {
                (pen, line) = (0., line + LINE);
            }
            if line + LINE > top + high + CAPTION + MARGIN {
                break;
            }
            for character in word.chars() {
                if let Some(glyph) = glyphs.get(Face::Sans, Size::Small, character) {
                    for (down, row) in glyph.coverage.chunks_exact(glyph.width.max(1)).enumerate() {
                        for (right, coverage) in row.iter().enumerate() {
                            let x = (left as i32 + pen as i32 + glyph.left).max(0) as usize + right;
                            let y = (line as i32 + glyph.top).max(0) as usize + down;
                            if let Some(pixel) = rgb.get_mut(3 * (y * width + x)..3 * (y * width + x) + 3) {
                                pixel
                                    .fill(PAPER - (u32::from(*coverage) * u32::from(PAPER - 30) / 255) as u8);
                            }
                        }
                    }
                }
                pen += advance(character);
            }
        }
    }
    Ok(Picture { width: width as u32, height: height as u32, rgb, boxes: Vec::new(), cells: Vec::new() })
}
