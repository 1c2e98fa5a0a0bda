//! Scenes into pixels.

use std::path::PathBuf;

use super::decoration::{Decoration, Shape};
use super::description::Side;
use super::error::DataError;
use super::geometry::{CELL, Geometry, Tracking};
use super::scene::{PlacedRegion, Scene};
use super::typeface::{Glyph, Glyphs};

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelBox {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// The column after the last.
    pub right: u32,
    /// The row after the last.
    pub bottom: u32,
}

/// What a grid cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellLabel {
    /// The background alone.
    Ground,
    /// Part of the decoration.
    Decoration,
    /// Part of a character: the one with the most ink in the cell.
    Character {
        /// Index of the region.
        region: u8,
        /// Index of the character in the region's text.
        index: u8,
        /// The character.
        character: char,
        /// Which part of the character, counted in cells from the upper left cell of its column: `(right, down)`.
        part: (u8, u8),
    },
}

/// A drawn scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// sRGB bytes, row by row.
    ///
    /// # Shapes
    /// `[height, width, 3]`
    pub rgb: Vec<u8>,
    /// The inked part of every region.
    pub boxes: Vec<PixelBox>,
    /// What every cell shows, row by row.
    ///
    /// # Shapes
    /// `[height / 32, width / 32]`
    pub cells: Vec<CellLabel>,
}

/// Draws scenes of one geometry. All letters are drawn once, beforehand.
#[derive(Debug, Clone)]
pub struct Painter {
    geometry: Geometry,
    glyphs: Glyphs,
}

impl Painter {
    /// Where Debian puts its fonts.
    pub fn font_folders() -> Vec<PathBuf> {
        vec!["/usr/share/fonts".into(), "/usr/local/share/fonts".into()]
    }

    /// A painter for `geometry`, with the fonts found under `folders`.
    ///
    /// # Errors
    /// If a font is missing (the message names its Debian package) or is not a font.
    pub fn new(geometry: &Geometry, folders: &[PathBuf]) -> Result<Self, DataError> {
        Ok(Self { geometry: *geometry, glyphs: Glyphs::load(geometry, folders)? })
    }

    /// Draws a scene that was laid out with this painter's geometry.
    ///
    /// # Errors
    /// If a text has a character that is not drawn here.
    pub fn paint(&self, scene: &Scene) -> Result<Picture, DataError> {
        let mut canvas = Canvas::new(scene);
        for decoration in &scene.decoration {
            canvas.shape(decoration);
        }
        let mut boxes = Vec::with_capacity(scene.regions.len());
        for (index, region) in scene.regions.iter().enumerate() {
            boxes.push(self.region(&mut canvas, scene, region, index)?);
        }
        let cells = canvas.labels.into_iter().map(|(label, _)| label).collect();
        Ok(Picture { width: scene.width, height: scene.height, rgb: canvas.rgb, boxes, cells })
    }

    fn region(
        &self,
        canvas: &mut Canvas,
        scene: &Scene,
        region: &PlacedRegion,
        index: usize,
    ) -> Result<PixelBox, DataError> {
        let pitch = self.geometry.size(region.size).pitch as i32;
        let mut ink = PixelBox { left: u32::MAX, top: u32::MAX, right: 0, bottom: 0 };
        for line in &region.lines {
            let (left, top) = ((line.cells.column * CELL) as i32, (line.cells.row * CELL) as i32);
            let mut glyphs = Vec::with_capacity(line.text.len());
            for (place, character) in line.text.chars().enumerate().filter(|(_, character)| *character != ' ')
            {
                let glyph = self.glyphs.get(scene.face, region.size, character);
                let text = || line.text.clone();
                glyphs.push((
                    place,
                    character,
                    glyph.ok_or_else(|| DataError::Character { text: text(), character })?,
                ));
            }
            let starts = match self.geometry.tracking {
                Tracking::Fixed => {
                    (0..line.text.chars().count() as i32).map(|place| left + place * pitch).collect()
                }
                Tracking::Natural => {
                    self.natural(scene, region, line.text.as_str(), left, line.cells.columns)
                }
            };
            for (place, character, glyph) in glyphs {
                let origin = (starts.get(place).copied().unwrap_or(left), top);
                let label = |column: u32, row: u32| CellLabel::Character {
                    region: index as u8,
                    index: (line.first + place) as u8,
                    character,
                    part: (
                        column.saturating_sub(origin.0.max(0) as u32 / CELL) as u8,
                        row.saturating_sub(line.cells.row) as u8,
                    ),
                };
                canvas.glyph(glyph, origin, region.colour.rgb(), &mut ink, label);
            }
        }
        Ok(ink)
    }

    /// Pens of a naturally set line, narrowed where it is wider than its cells.
    fn natural(&self, scene: &Scene, region: &PlacedRegion, text: &str, left: i32, columns: u32) -> Vec<i32> {
        let room = (columns * CELL) as f32;
        let space = self.glyphs.space(scene.face, region.size);
        let advance = |character| {
            self.glyphs.get(scene.face, region.size, character).map_or(space, |glyph| glyph.advance)
        };
        let width: f32 = text.chars().map(advance).sum();
        let narrow = (room / width).min(1.);
        let start = match region.side {
            Side::Left => 0.,
            Side::Center => (room - width * narrow) / 2.,
            Side::Right => room - width * narrow,
        };
        let mut pen = left as f32 + start;
        text.chars()
            .map(|character| {
                let here = pen.round() as i32;
                pen += advance(character) * narrow;
                here
            })
            .collect()
    }
}

/// Pixels and labels while they are drawn.
struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    /// A cell's label and how much of its ink the cell holds.
    labels: Vec<(CellLabel, u32)>,
}

impl Canvas {
    fn new(scene: &Scene) -> Self {
        let (width, height) = (scene.width as usize, scene.height as usize);
        let row = scene.background.rgb().repeat(width);
        let cells = (width / CELL as usize) * (height / CELL as usize);
        Self { width, height, rgb: row.repeat(height), labels: vec![(CellLabel::Ground, 0); cells] }
    }

    /// Mixes `colour` into a pixel.
    fn mix(&mut self, x: usize, y: usize, colour: [u8; 3], coverage: u8) {
        let start = 3 * (y * self.width + x);
        for (old, new) in self.rgb[start..start + 3].iter_mut().zip(colour) {
            let (a, b) = (u32::from(*old), u32::from(new));
            *old = ((a * u32::from(255 - coverage) + b * u32::from(coverage) + 127) / 255) as u8;
        }
    }

    fn glyph(
        &mut self,
        glyph: &Glyph,
        origin: (i32, i32),
        colour: [u8; 3],
        ink: &mut PixelBox,
        label: impl Fn(u32, u32) -> CellLabel,
    ) {
        let (left, top) = (origin.0 + glyph.left, origin.1 + glyph.top);
        let cell = CELL as usize;
        let columns = self.width / cell;
        // Ink of this letter in the cells it touches.
        let mut sums: Vec<(usize, u32)> = Vec::with_capacity(12);
        for (down, row) in glyph.coverage.chunks_exact(glyph.width.max(1)).enumerate() {
            let Some(y) = usize::try_from(top + down as i32).ok().filter(|y| *y < self.height) else {
                continue;
            };
            for (right, &coverage) in row.iter().enumerate() {
                let x = usize::try_from(left + right as i32).ok().filter(|x| *x < self.width);
                let Some(x) = x.filter(|_| coverage > 0) else { continue };
                self.mix(x, y, colour, coverage);
                ink.left = ink.left.min(x as u32);
                ink.right = ink.right.max(x as u32 + 1);
                ink.top = ink.top.min(y as u32);
                ink.bottom = ink.bottom.max(y as u32 + 1);
                let place = y / cell * columns + x / cell;
                match sums.iter_mut().rev().find(|(seen, _)| *seen == place) {
                    Some((_, sum)) => *sum += u32::from(coverage),
                    None => sums.push((place, coverage.into())),
                }
            }
        }
        for (place, sum) in sums {
            if sum > self.labels[place].1 {
                self.labels[place] = (label((place % columns) as u32, (place / columns) as u32), sum);
            }
        }
    }

    fn shape(&mut self, decoration: &Decoration) {
        let (left, top, right, bottom) = bounds(&decoration.shape);
        let clamp = |value: i32, end: usize| value.clamp(0, end as i32) as usize;
        let columns = self.width / CELL as usize;
        for y in clamp(top, self.height)..clamp(bottom, self.height) {
            for x in clamp(left, self.width)..clamp(right, self.width) {
                let coverage = coverage(&decoration.shape, x as f32 + 0.5, y as f32 + 0.5);
                if coverage > 0 {
                    self.mix(x, y, decoration.colour, coverage);
                    self.labels[y / CELL as usize * columns + x / CELL as usize].0 = CellLabel::Decoration;
                }
            }
        }
    }
}

/// Left, top, right and bottom of a shape.
fn bounds(shape: &Shape) -> (i32, i32, i32, i32) {
    match *shape {
        Shape::Rectangle { left, top, width, height }
        | Shape::Frame { left, top, width, height, .. }
        | Shape::Pennant { left, top, width, height } => (left, top, left + width, top + height),
        Shape::Disc { x, y, radius } => (x - radius, y - radius, x + radius, y + radius),
    }
}

/// How much of the pixel around `(x, y)` a shape covers, by the distance to its edge.
fn coverage(shape: &Shape, x: f32, y: f32) -> u8 {
    let distance = match *shape {
        Shape::Rectangle { .. } => return 255,
        Shape::Disc { x: centre_x, y: centre_y, radius } => {
            length(x - centre_x as f32, y - centre_y as f32) - radius as f32
        }
        Shape::Pennant { left, top, width, height } => {
            let half = width as f32 / 2.;
            let across = (x - left as f32 - half).abs();
            (across - half * (1. - (y - top as f32) / height as f32)) * 0.85
        }
        Shape::Frame { left, top, width, height, radius, line } => {
            let (half_width, half_height) = (width as f32 / 2., height as f32 / 2.);
            let radius = radius as f32;
            let across = (x - left as f32 - half_width).abs() - half_width + radius;
            let down = (y - top as f32 - half_height).abs() - half_height + radius;
            let outer = length(across.max(0.), down.max(0.)) + across.max(down).min(0.) - radius;
            outer.max(-outer - line as f32)
        }
    };
    (255. * (0.5 - distance).clamp(0., 1.)) as u8
}

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}
