//! Ornaments: frames, rules, stripes, dots and a few shapes, in the background's quiet second colour.
//!
//! They stand in cells of their own: in the outermost ring of cells, which text leaves free, or in a free square. The
//! accents are close enough to their backgrounds that a border of any width keeps the background's mean colour.

use super::description::Colour;
use super::geometry::CELL;
use super::scene::CellBox;

/// A shape in pixels; the picture's upper left corner is the origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Rectangle {
        /// Left edge.
        left: i32,
        /// Upper edge.
        top: i32,
        /// Width.
        width: i32,
        /// Height.
        height: i32,
    },
    /// An outline with round corners, drawn inwards.
    Frame {
        /// Left edge.
        left: i32,
        /// Upper edge.
        top: i32,
        /// Width.
        width: i32,
        /// Height.
        height: i32,
        /// Radius of the outer corner.
        radius: i32,
        /// Thickness of the line.
        line: i32,
    },
    /// A filled circle.
    Disc {
        /// Centre, horizontally.
        x: i32,
        /// Centre, vertically.
        y: i32,
        /// Radius.
        radius: i32,
    },
    /// A filled triangle that hangs from its upper side.
    Pennant {
        /// Left end of the upper side.
        left: i32,
        /// The upper side.
        top: i32,
        /// Length of the upper side.
        width: i32,
        /// Height.
        height: i32,
    },
}

/// A shape and its colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decoration {
    /// The shape.
    pub shape: Shape,
    /// Its sRGB colour.
    pub colour: [u8; 3],
}

/// A kind of decoration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ornament {
    /// Nothing.
    None,
    /// A striped sun in a free square.
    Sun,
    /// A thin double frame.
    Frame,
    /// A strong frame with round corners and four bolts.
    Plate,
    /// Pennants along the top and a rule along the bottom.
    Bunting,
    /// A dashed frame.
    Stitches,
    /// A strong bar at the left and a rule along the bottom.
    Bar,
    /// Dots that fade, in a free square.
    Dots,
}

impl Ornament {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::None,
        Self::Sun,
        Self::Frame,
        Self::Plate,
        Self::Bunting,
        Self::Stitches,
        Self::Bar,
        Self::Dots,
    ];

    /// The shapes of this ornament in a grid of `columns` by `rows` cells, beside the `taken` ones.
    ///
    /// There are none where the room is lacking.
    pub(super) fn shapes(
        self,
        background: Colour,
        taken: &[CellBox],
        columns: u32,
        rows: u32,
    ) -> Vec<Decoration> {
        let cell = CELL as i32;
        let (width, height) = (columns as i32 * cell, rows as i32 * cell);
        let accent = background.accent();
        let mut shapes = Vec::new();
        let mut draw = |colour, shape| shapes.push(Decoration { shape, colour });
        let rectangle = |left, top, width, height| Shape::Rectangle { left, top, width, height };
        let frame = |inset: i32, radius, line| {
            let (width, height) = (width - 2 * inset, height - 2 * inset);
            Shape::Frame { left: inset, top: inset, width, height, radius, line }
        };

        if matches!(self, Self::Sun | Self::Dots) {
            let Some(square) = free_square(taken, columns, rows) else { return shapes };
            let (left, top) = (square.column as i32 * cell, square.row as i32 * cell);
            let side = square.columns as i32 * cell;
            let half = side / 2;
            if self == Self::Sun {
                draw(accent, Shape::Disc { x: left + half, y: top + half, radius: half - 6 });
                for stripe in 0..square.columns as i32 {
                    let y = top + half + 4 + stripe * cell / 2;
                    draw(background.rgb(), rectangle(left, y, side, 3 + 2 * stripe));
                }
            } else {
                for row in 0..square.rows as i32 {
                    for column in 0..square.columns as i32 {
                        let step = row + column;
                        let radius = 12 - step * 9 / (2 * square.columns as i32 - 2).max(1);
                        let (x, y) = (left + column * cell + cell / 2, top + row * cell + cell / 2);
                        draw(accent, Shape::Disc { x, y, radius });
                    }
                }
            }
            return shapes;
        }

        let inner = CellBox { column: 1, row: 1, columns: columns - 2, rows: rows - 2 };
        let inside = |text: &CellBox| {
            text.column >= inner.column
                && text.row >= inner.row
                && text.column + text.columns <= inner.column + inner.columns
                && text.row + text.rows <= inner.row + inner.rows
        };
        if !taken.iter().all(inside) {
            return shapes;
        }
        let last_rule = rectangle(cell, height - cell / 2 - 2, width - 2 * cell, 4);
        match self {
            Self::Frame => {
                draw(accent, frame(15, 0, 2));
                draw(accent, frame(20, 0, 4));
            }
            Self::Plate => {
                draw(accent, frame(14, 20, 5));
                for (x, y) in [(28, 28), (width - 28, 28), (28, height - 28), (width - 28, height - 28)] {
                    draw(accent, Shape::Disc { x, y, radius: 3 });
                }
            }
            Self::Bunting => {
                draw(accent, rectangle(0, 4, width, 3));
                for column in 0..columns as i32 {
                    draw(
                        accent,
                        Shape::Pennant { left: column * cell + 3, top: 7, width: cell - 6, height: 21 },
                    );
                }
                draw(accent, last_rule);
            }
            Self::Stitches => {
                let (line, dash) = (4, cell / 2);
                for column in 1..columns as i32 - 1 {
                    let left = column * cell + (cell - dash) / 2;
                    draw(accent, rectangle(left, cell / 2 - 2, dash, line));
                    draw(accent, rectangle(left, height - cell / 2 - 2, dash, line));
                }
                for row in 1..rows as i32 - 1 {
                    let top = row * cell + (cell - dash) / 2;
                    draw(accent, rectangle(cell / 2 - 2, top, line, dash));
                    draw(accent, rectangle(width - cell / 2 - 2, top, line, dash));
                }
            }
            Self::Bar => {
                draw(accent, rectangle(10, 0, 12, height));
                draw(accent, last_rule);
            }
            Self::None | Self::Sun | Self::Dots => {}
        }
        shapes
    }
}

/// The largest square of three to six cells in rows without text: at the right, a cell away from the edges, as far down as
/// it goes.
///
/// Its place depends on the rows of the texts alone. Whoever writes the picture from the top downwards need not know how
/// long a text will be that comes below.
fn free_square(taken: &[CellBox], columns: u32, rows: u32) -> Option<CellBox> {
    (3..=6).rev().find_map(|side: u32| {
        let column = (columns - 1).checked_sub(side).filter(|column| *column >= 1)?;
        let last = (rows - 1).checked_sub(side)?;
        (1..=last).rev().find_map(|row| {
            let band = CellBox { column: 0, row, columns, rows: side };
            let square = CellBox { column, columns: side, ..band };
            taken.iter().all(|text| !text.overlaps(&band)).then_some(square)
        })
    })
}
