//! What each visual code means: a codebook made for typography on a grid.
//!
//! A code stands for one cell of 32×32 pixels: the ground of a picture, a piece of an ornament, or one part of one
//! letter in one ink. The vision tower learns to see these codes in pixels, the architect to write them, and the painter
//! to paint them; nothing else knows this list.

use std::collections::HashMap;

use crate::data::{
    CELL, CellLabel, Colour, Curriculum, DataError, Decorate, Decoration, Face, Geometry, Painter, Picture,
    PlacedRegion, Sample, Scene, Side, Size,
};

/// The characters that pictures may show.
pub const CHARACTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:$&-!?,'";
/// Samples that are searched for ornaments; every ornament of every size is among the first few hundred.
const ORNAMENT_SAMPLES: u64 = 6000;

/// The meaning of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Nothing but the ground. It also tells the picture's type family, which a painter of single cells could not know.
    Ground {
        /// The background.
        background: Colour,
        /// The type family of the picture's letters.
        face: Face,
    },
    /// A piece of an ornament in the accent of whatever the background is.
    Ornament(u16),
    /// A part of a letter.
    Letter {
        /// The ink.
        ink: Colour,
        /// The size.
        size: Size,
        /// Which cell of the letter, from the top.
        part: u8,
        /// The letter.
        character: char,
    },
}

/// All codes, by number and by meaning.
#[derive(Debug, Clone)]
pub struct Codebook {
    codes: Vec<Code>,
    numbers: HashMap<Code, u32>,
    /// The pixels of each ornament piece, white on black.
    ornaments: HashMap<Vec<u8>, u16>,
}

impl Codebook {
    /// The codebook of a geometry and its fonts; the same ones always give the same book.
    ///
    /// # Errors
    /// The generator fails, which it does not for its own samples.
    pub fn new(painter: &Painter, geometry: &Geometry) -> Result<Self, DataError> {
        let mut codes = Vec::new();
        for &background in Colour::ALL {
            codes.extend(Face::ALL.iter().map(|&face| Code::Ground { background, face }));
        }

        let mut ornaments = HashMap::new();
        let mut seen = Vec::new();
        let curriculum = Curriculum {
            geometry: *geometry,
            decorate: Decorate::Random,
            any_rows: 0.5,
            ..Curriculum::full()
        };
        for index in 0..ORNAMENT_SAMPLES {
            let scene = Sample::generate(0, index, &curriculum)?.scene;
            // The sizes of its shapes tell an ornament from others; where it stands makes no difference.
            let kind: Vec<String> = scene.decoration.iter().map(|item| extent(item)).collect();
            if seen.contains(&kind) {
                continue;
            }
            seen.push(kind);
            for mask in masks(painter, &scene)?.into_iter().flatten() {
                let next = ornaments.len() as u16;
                ornaments.entry(mask).or_insert_with(|| {
                    codes.push(Code::Ornament(next));
                    next
                });
            }
        }

        let mut inks: Vec<Colour> = Colour::ALL.iter().flat_map(|ground| ground.inks()).copied().collect();
        inks.sort();
        inks.dedup();
        for &size in Size::ALL {
            for character in CHARACTERS.chars() {
                let parts = parts(painter, geometry, size, character)?;
                for &ink in &inks {
                    codes.extend(parts.iter().map(|&part| Code::Letter { ink, size, part, character }));
                }
            }
        }
        let numbers = codes.iter().enumerate().map(|(number, &code)| (code, number as u32)).collect();
        Ok(Self { codes, numbers, ornaments })
    }

    /// The meanings, in order of number.
    pub fn codes(&self) -> &[Code] {
        &self.codes
    }

    /// How many kinds of ornament pieces there are.
    pub fn ornaments(&self) -> usize {
        self.ornaments.len()
    }

    /// The code of every cell of a picture, row by row.
    ///
    /// # Errors
    /// The picture shows something that has no code.
    pub fn read(&self, painter: &Painter, scene: &Scene, picture: &Picture) -> Result<Vec<u32>, DataError> {
        let ground = Code::Ground { background: scene.background, face: scene.face };
        let masks = masks(painter, scene)?;
        let code = |(label, mask): (&CellLabel, Option<Vec<u8>>)| match *label {
            CellLabel::Character { region, character, part: (_, part), .. } => {
                let PlacedRegion { size, colour: ink, .. } = scene.regions[usize::from(region)];
                Code::Letter { ink, size, part, character }
            }
            CellLabel::Ground | CellLabel::Decoration => {
                mask.and_then(|mask| self.ornaments.get(&mask)).map_or(ground, |&piece| Code::Ornament(piece))
            }
        };
        let number = |code: Code| {
            let unknown = || DataError::NoCode(format!("{code:?}"));
            self.numbers.get(&code).copied().ok_or_else(unknown)
        };
        picture.cells.iter().zip(masks).map(|cell| number(code(cell))).collect()
    }
}

/// The size of a decoration's shape, without its place.
fn extent(decoration: &Decoration) -> String {
    use crate::data::Shape;
    match decoration.shape {
        Shape::Disc { radius, .. } => format!("disc {radius}"),
        Shape::Rectangle { width, height, .. } => format!("rectangle {width} {height}"),
        Shape::Frame { width, height, .. } => format!("frame {width} {height}"),
        Shape::Pennant { width, height, .. } => format!("pennant {width} {height}"),
    }
}

/// What the ornament puts into each cell, in white on black; none where it puts nothing.
fn masks(painter: &Painter, scene: &Scene) -> Result<Vec<Option<Vec<u8>>>, DataError> {
    let (black, white) = (Colour::Black.rgb(), Colour::White.rgb());
    let ground = scene.background.rgb();
    let colour = |item: &Decoration| if item.colour == ground { black } else { white };
    let decoration =
        scene.decoration.iter().map(|item| Decoration { colour: colour(item), ..*item }).collect();
    let bare = Scene { background: Colour::Black, regions: Vec::new(), decoration, ..scene.clone() };
    let picture = painter.paint(&bare)?;
    let (cell, width) = (CELL as usize, picture.width as usize);
    let (columns, rows) = (width / cell, picture.height as usize / cell);
    let mask = |place: usize| -> Option<Vec<u8>> {
        let (row, column) = (place / columns, place % columns);
        let pixel = |i: usize| {
            let (y, x) = (row * cell + i / cell, column * cell + i % cell);
            picture.rgb[3 * (y * width + x)]
        };
        let mask: Vec<u8> = (0..cell * cell).map(pixel).collect();
        mask.iter().any(|&value| value != black[0]).then_some(mask)
    };
    Ok((0..rows * columns).map(mask).collect())
}

/// The parts of a letter that have ink in one family at least.
fn parts(painter: &Painter, geometry: &Geometry, size: Size, character: char) -> Result<Vec<u8>, DataError> {
    use crate::data::{CellBox, Line};
    let spec = geometry.size(size);
    let mut parts = Vec::new();
    for &face in Face::ALL {
        let cells = CellBox { column: 1, row: 1, columns: geometry.columns(size, 1), rows: spec.rows };
        let line = Line { text: character.to_string(), first: 0, cells };
        let region = PlacedRegion { lines: vec![line], cells, size, side: Side::Left, colour: Colour::Black };
        let scene = Scene {
            width: 6 * CELL,
            height: 6 * CELL,
            background: Colour::White,
            face,
            regions: vec![region],
            decoration: Vec::new(),
        };
        let labels = painter.paint(&scene)?.cells;
        parts.extend(labels.iter().filter_map(|label| match label {
            CellLabel::Character { part: (_, part), .. } => Some(*part),
            CellLabel::Ground | CellLabel::Decoration => None,
        }));
    }
    parts.sort_unstable();
    parts.dedup();
    Ok(parts)
}
