//! Pixels of a large grid.
//!
//! Every code shows the same pixels wherever it stands, in the ink and face that the mark to its left says; pieces of
//! decorations have the ink of the upper left cell. So the grid alone says what the picture is.

use std::collections::HashMap;
use std::path::PathBuf;

use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::{Format, Transform, Vector};

use super::alphabet::ALPHABET;
use super::codes::{CODES, Code};
use super::icons;
use crate::brief::{Face, Ink, Kind, Size};
use crate::fonts::{FontError, read_font};

const SIDE: usize = super::CELL as usize;

/// The pixels of a ground.
///
/// Gray is printed lighter than its name's (128, 128, 128), which is what readers of text pad lines with: PP-OCR reads 40 %
/// of the words on it and 94 % on this one, and a gray it is all the same.
pub fn ground_rgb(ground: Ink) -> [u8; 3] {
    match ground {
        Ink::Gray => [160; 3],
        other => other.rgb(),
    }
}

/// How a face is set.
struct Setting {
    file: &'static str,
    /// The em in pixels for a pitch of 16 pixels: large, medium, small.
    em: [f32; 3],
    /// The baseline in pixels for a line of 32 pixels.
    baseline: f32,
    /// Horizontal stretch.
    stretch: f32,
    /// The part of the pitch that a letter takes at least: narrow letters are widened, by up to 35 %.
    fill: f32,
}

const SETTINGS: [Setting; 2] = [
    Setting { file: "DejaVuSansMono-Bold.ttf", em: [26.5, 26.5, 26.5], baseline: 25., stretch: 1., fill: 0. },
    Setting {
        file: "DejaVuSerif-Bold.ttf",
        em: [26.5, 26.5, 26.5],
        baseline: 25.,
        stretch: 0.85,
        fill: 0.66,
    },
];

/// Every character and every piece, drawn once.
#[derive(Debug, Clone)]
pub struct Press {
    /// Coverage of a character's box, by face, size and place in the alphabet.
    glyphs: Vec<Vec<u8>>,
    /// Coverage of pieces.
    pieces: HashMap<Kind, Vec<Vec<u8>>>,
}

/// Width of a character's box; it is twice as high.
fn pitch(size: Size) -> usize {
    match size {
        Size::Large => 2 * SIDE,
        Size::Medium => SIDE,
        Size::Small => SIDE / 2,
    }
}

impl Press {
    /// Draws all characters with the fonts found under `folders`.
    ///
    /// # Errors
    /// If a font is missing (the message names its Debian package) or is not a font.
    pub fn new(folders: &[PathBuf]) -> Result<Self, FontError> {
        let mut glyphs = Vec::new();
        let mut context = ScaleContext::new();
        for setting in &SETTINGS {
            let (path, bytes) = read_font(folders, setting.file)?;
            let font = FontRef::from_index(&bytes, 0).ok_or(FontError::Broken(path))?;
            for &size in Size::ALL {
                for &character in ALPHABET.characters() {
                    glyphs.push(glyph(&mut context, font, setting, size, character));
                }
            }
        }
        let pieces = Kind::ALL.iter().map(|&kind| (kind, icons::pieces(kind))).collect();
        Ok(Self { glyphs, pieces })
    }

    /// The coverage of a character's box, 0 to 255, row by row: as wide as half its height.
    pub fn glyph(&self, face: Face, size: Size, character: char) -> Option<&[u8]> {
        let set = face as usize * Size::ALL.len() + size as usize;
        let place = set * ALPHABET.characters().len() + ALPHABET.place(character)?;
        self.glyphs.get(place).map(Vec::as_slice)
    }

    /// Prints a large grid as sRGB bytes, row by row.
    ///
    /// # Shapes
    /// `grid` is `[th, tw]`, the result `[32·th, 32·tw, 3]`.
    pub fn print(&self, grid: &[u16], tw: usize) -> Vec<u8> {
        let ground = grid.iter().find_map(|&code| match CODES.code(code) {
            Some(Code::Ground(ink)) => Some(ink),
            _ => None,
        });
        let ground = ground.unwrap_or(Ink::Cream);
        let frame = match grid.first().and_then(|&code| CODES.code(code)) {
            Some(Code::FrameCorner(ink)) => ink,
            _ => Ink::Black,
        };
        let pixels = grid.len() * SIDE * SIDE;
        let mut rgb = Vec::with_capacity(3 * pixels);
        for _ in 0..pixels {
            rgb.extend_from_slice(&ground_rgb(ground));
        }
        for (row, codes) in grid.chunks_exact(tw).enumerate() {
            let (mut ink, mut face, mut accent) = (Ink::Black, Face::Sans, Ink::Black);
            for (column, &code) in codes.iter().enumerate() {
                let mut blit =
                    |coverage: &[u8], pitch: usize, [x, y]: [usize; 2], [width, dx]: [usize; 2], ink: Ink| {
                        let (from, to) = (ground_rgb(ground), ink.rgb());
                        for line in 0..SIDE {
                            let source = (y + line) * pitch + x;
                            let Some(source) = coverage.get(source..source + width) else { continue };
                            let target = 3 * ((row * SIDE + line) * tw * SIDE + column * SIDE + dx);
                            let target = rgb[target..target + 3 * width].chunks_exact_mut(3);
                            for (pixel, &covered) in target.zip(source).filter(|(_, covered)| **covered > 0) {
                                for channel in 0..3 {
                                    let (from, to) = (u32::from(from[channel]), u32::from(to[channel]));
                                    let covered = u32::from(covered);
                                    pixel[channel] =
                                        ((from * (255 - covered) + to * covered + 127) / 255) as u8;
                                }
                            }
                        }
                    };
                match CODES.code(code) {
                    Some(Code::Mark(new_ink, new_face)) => (ink, face) = (new_ink, new_face),
                    Some(Code::Accent(new)) => accent = new,
                    Some(Code::Small(left, right)) => {
                        for (side, character) in [Some(left), right].into_iter().enumerate() {
                            let glyph =
                                character.and_then(|character| self.glyph(face, Size::Small, character));
                            if let Some(glyph) = glyph {
                                blit(glyph, SIDE / 2, [0, 0], [SIDE / 2, side * SIDE / 2], ink);
                            }
                        }
                    }
                    Some(Code::Medium(character, part)) => {
                        if let Some(glyph) = self.glyph(face, Size::Medium, character) {
                            blit(glyph, SIDE, [0, usize::from(part) * SIDE], [SIDE, 0], ink);
                        }
                    }
                    Some(Code::Large(character, part)) => {
                        let part = usize::from(part);
                        if let Some(glyph) = self.glyph(face, Size::Large, character) {
                            blit(glyph, 2 * SIDE, [part % 2 * SIDE, part / 2 * SIDE], [SIDE, 0], ink);
                        }
                    }
                    Some(Code::Piece(kind, part)) => {
                        if let Some(piece) = self.pieces.get(&kind).and_then(|all| all.get(usize::from(part)))
                        {
                            let ink = if kind == Kind::Frame { frame } else { accent };
                            blit(piece, SIDE, [0, 0], [SIDE, 0], ink);
                        }
                    }
                    Some(Code::FrameCorner(ink)) => {
                        if let Some(piece) = self.pieces.get(&Kind::Frame).and_then(|all| all.last()) {
                            blit(piece, SIDE, [0, 0], [SIDE, 0], ink);
                        }
                    }
                    _ => {}
                }
            }
        }
        rgb
    }
}

/// A character in the middle of its box, made narrower or lower where it would leave it.
fn glyph(
    context: &mut ScaleContext,
    font: FontRef<'_>,
    setting: &Setting,
    size: Size,
    character: char,
) -> Vec<u8> {
    let width = pitch(size);
    let (wide, high) = (width as f32, 2. * width as f32);
    let unit = wide / 16.;
    let mut coverage = vec![0; 2 * width * width];
    let character = if character == super::APOSTROPHE { '\'' } else { character };
    let id = font.charmap().map(character);
    let mut scaler = context.builder(font).size(setting.em[size as usize] * unit).hint(false).build();
    let Some(bounds) = scaler.scale_outline(id).map(|outline| outline.bounds()) else { return coverage };
    let ink = bounds.max.x - bounds.min.x;
    if ink <= 0. {
        return coverage;
    }
    let narrow = (setting.fill * wide / ink).min(1.35 * setting.stretch);
    let stretch = setting.stretch.max(narrow).min(0.94 * wide / ink);
    let baseline = setting.baseline * unit;
    // A pixel stays free above and below.
    let (above, below) = (baseline - 1., high - baseline - 1.);
    let squash = (above / bounds.max.y.max(1.)).min(below / (-bounds.min.y).max(1.)).min(1.);
    let shift = (wide - ink * stretch) / 2. - bounds.min.x * stretch;
    let image = Render::new(&[Source::Outline])
        .format(Format::Alpha)
        .transform(Some(Transform::scale(stretch, squash)))
        .offset(Vector::new(shift, -baseline))
        .render(&mut scaler, id);
    let Some(image) = image else { return coverage };
    for (place, &covered) in image.data.iter().enumerate() {
        let across = image.placement.width as usize;
        let x = image.placement.left + (place % across) as i32;
        let y = (place / across) as i32 - image.placement.top;
        if (0..width as i32).contains(&x) && (0..2 * width as i32).contains(&y) {
            coverage[y as usize * width + x as usize] = covered;
        }
    }
    coverage
}
