//! Fonts, and their letters as rasters.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::{Format, Transform, Vector};

use super::description::Size;
use super::error::DataError;
use super::geometry::{Face, Geometry, SizeSpec, Tracking};

/// What texts are made of, besides the space.
const CHARACTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:$&-!?,'\"“”";

/// A letter's coverage, and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    /// From the column's (or pen's) left edge to the raster, in pixels.
    pub left: i32,
    /// From the line's top to the raster, in pixels.
    pub top: i32,
    /// Width of the raster.
    pub width: usize,
    /// Coverage, row by row, 0 to 255.
    pub coverage: Vec<u8>,
    /// The font's own width of the letter, in pixels.
    pub advance: f32,
}

/// Every letter of a geometry, drawn once.
#[derive(Debug, Clone)]
pub(super) struct Glyphs {
    glyphs: HashMap<(Face, Size, char), Glyph>,
    spaces: HashMap<(Face, Size), f32>,
}

impl Glyphs {
    /// Draws every letter with the fonts found under `folders`.
    pub(super) fn load(geometry: &Geometry, folders: &[PathBuf]) -> Result<Self, DataError> {
        let mut glyphs = Self { glyphs: HashMap::new(), spaces: HashMap::new() };
        let mut context = ScaleContext::new();
        for &face in Face::ALL {
            let spec = geometry.face(face);
            let (path, bytes) = read_font(folders, spec.file, spec.package)?;
            let font = FontRef::from_index(&bytes, 0).ok_or(DataError::FontBroken(path))?;
            for &size in Size::ALL {
                let set = Set {
                    font,
                    em: geometry.size(size).em * spec.scale,
                    stretch: spec.stretch[size as usize],
                    fill: spec.fill,
                    size: geometry.size(size),
                    fixed: geometry.tracking == Tracking::Fixed,
                };
                glyphs.spaces.insert((face, size), set.advance(' '));
                for character in CHARACTERS.chars() {
                    if let Some(glyph) = set.draw(&mut context, character) {
                        glyphs.glyphs.insert((face, size, character), glyph);
                    }
                }
            }
        }
        Ok(glyphs)
    }

    /// The raster of a letter.
    pub(super) fn get(&self, face: Face, size: Size, character: char) -> Option<&Glyph> {
        self.glyphs.get(&(face, size, character))
    }

    /// The font's width of a space, in pixels.
    pub(super) fn space(&self, face: Face, size: Size) -> f32 {
        self.spaces.get(&(face, size)).copied().unwrap_or_default()
    }
}

/// A font at one size.
struct Set<'a> {
    font: FontRef<'a>,
    em: f32,
    stretch: f32,
    fill: f32,
    size: &'a SizeSpec,
    fixed: bool,
}

impl Set<'_> {
    fn advance(&self, character: char) -> f32 {
        let metrics = self.font.glyph_metrics(&[]).scale(self.em);
        metrics.advance_width(self.font.charmap().map(character)) * self.stretch
    }

    fn draw(&self, context: &mut ScaleContext, character: char) -> Option<Glyph> {
        let glyph = self.font.charmap().map(character);
        let mut scaler = context.builder(self.font).size(self.em).hint(false).build();
        let bounds = scaler.scale_outline(glyph)?.bounds();
        let pitch = self.size.pitch as f32;

        // A wide letter is narrowed into its column, less a hair on both sides; the ink stands in the middle.
        let ink = bounds.max.x - bounds.min.x;
        let (stretch, shift) = if self.fixed {
            let narrow = (self.fill * pitch / ink.max(1.)).min(1.35 * self.stretch);
            let stretch = self.stretch.max(narrow).min(0.94 * pitch / ink.max(1.));
            (stretch, (pitch - ink * stretch) / 2. - bounds.min.x * stretch)
        } else {
            (self.stretch, 0.)
        };
        let image = Render::new(&[Source::Outline])
            .format(Format::Alpha)
            .transform(Some(Transform::scale(stretch, 1.)))
            .offset(Vector::new(shift, -self.size.baseline))
            .render(&mut scaler, glyph)?;
        Some(Glyph {
            left: image.placement.left,
            top: -image.placement.top,
            width: image.placement.width as usize,
            coverage: image.data,
            advance: self.advance(character),
        })
    }
}

/// A font file and where it was found.
///
/// # Errors
/// No such file is in `folders` or below, or it cannot be read.
pub(crate) fn read_font(
    folders: &[PathBuf],
    file: &'static str,
    package: &'static str,
) -> Result<(PathBuf, Vec<u8>), DataError> {
    let missing = || DataError::FontMissing { file, package, folders: folders.to_vec() };
    let path = folders.iter().find_map(|folder| find(folder, file)).ok_or_else(missing)?;
    let bytes = std::fs::read(&path).map_err(|error| DataError::File { path: path.clone(), error })?;
    Ok((path, bytes))
}

/// The first file of this name in `folder` or below it.
fn find(folder: &Path, file: &str) -> Option<PathBuf> {
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.iter().find_map(|folder| find(folder, file))
}
