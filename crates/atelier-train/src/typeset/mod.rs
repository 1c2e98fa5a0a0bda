//! Setting type: what a brief asks for, as tokens, codes and pixels.
//!
//! The picture is a grid of cells of 32×32 pixels, and so is its type. Characters stand at fixed pitch, letters half as
//! wide as high: small 16×32 pixels (a cell holds a pair), medium 32×64, large 64×128. The prompt is read in the
//! same pairs, so that a small text is, token for token, what stands in the prompt.
//!
//! - [`tokens`](tokens::tokens) cuts the prompt; [`CODES`] is what every id means.
//! - [`lay_out`] puts a [`Brief`](crate::brief::Brief) on the grid; the rules are in its module.
//! - The draft is the galley: a row for every line of text, with what is set and where it goes. It says everything:
//!   [`grid_of_draft`] makes the large grid of it.
//! - [`Press`] prints a large grid: the grid says everything about the pixels.
//! - [`Sample`] is all of it, and [`stream`] writes samples for other programs.

mod alphabet;
mod codes;
mod draw;
mod icons;
mod layout;
mod sample;
mod stream;
pub mod tokens;

pub use alphabet::{ALPHABET, APOSTROPHE, Alphabet};
pub use codes::{CODES, Code, Codes, SPECIAL, TEXT_MARKS};
pub use draw::{Press, ground_rgb};
pub use layout::{
    Layout, Line, Placed, Rejected, columns, default_ink, draft_size, grid_of_draft, lay_out, rows,
};
pub use sample::Sample;
pub use stream::{StreamOptions, stream};

/// Side in pixels of the square that one visual code stands for.
pub const CELL: u32 = 32;
