//! Sheets of pictures with their prompts, to look at.

use std::path::PathBuf;

use crate::caption::Caption;
use crate::fonts::FontError;

const COLUMNS: usize = 4;
const MARGIN: usize = 16;
/// Side of the square of a picture, in pixels.
const SQUARE: usize = 320;
/// Eight lines of caption.
const CAPTION: usize = 140;
const PAPER: u8 = 236;

/// A picture of eight bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// sRGB bytes, row by row: `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// The same within a square of this side, its longer side as long: each pixel is the mean of what it shows.
    fn fitted(&self, side: usize) -> Self {
        let longer = self.width.max(self.height).max(1);
        let [width, height] = [self.width, self.height].map(|length| (length * side / longer).max(1));
        let mut rgb = Vec::with_capacity(3 * width * height);
        let shown = |at: usize, of: usize, length: usize| {
            let first = at * length / of;
            first..((at + 1) * length).div_ceil(of).min(length).max(first + 1)
        };
        for y in 0..height {
            for x in 0..width {
                let (rows, columns) = (shown(y, height, self.height), shown(x, width, self.width));
                let count = (rows.len() * columns.len()) as u32;
                for channel in 0..3 {
                    let places =
                        rows.clone().flat_map(|row| columns.clone().map(move |column| (row, column)));
                    let sum: u32 = places
                        .filter_map(|(row, column)| self.rgb.get(3 * (row * self.width + column) + channel))
                        .map(|&value| u32::from(value))
                        .sum();
                    rgb.push((sum / count) as u8);
                }
            }
        }
        Self { width, height, rgb }
    }
}

/// Pictures, four in a row, each above its prompt: all as large as fits into a square.
///
/// # Errors
/// If the caption's font is missing.
pub fn sheet(entries: &[(Picture, String)], folders: &[PathBuf]) -> Result<Picture, FontError> {
    let mut caption = Caption::new(folders)?;
    let (wide, high) = (SQUARE, SQUARE);
    let rows = entries.len().div_ceil(COLUMNS);
    let width = COLUMNS * (wide + MARGIN) + MARGIN;
    let height = rows * (high + CAPTION + MARGIN) + MARGIN;
    let mut rgb = vec![PAPER; 3 * width * height];
    for (index, (picture, prompt)) in entries.iter().enumerate() {
        let left = MARGIN + index % COLUMNS * (wide + MARGIN);
        let top = MARGIN + index / COLUMNS * (high + CAPTION + MARGIN);
        let picture = picture.fitted(SQUARE);
        let (right, down) = ((wide - picture.width) / 2, (high - picture.height) / 2);
        for (row, pixels) in picture.rgb.chunks_exact(3 * picture.width).enumerate() {
            let place = 3 * ((top + down + row) * width + left + right);
            rgb[place..place + pixels.len()].copy_from_slice(pixels);
        }
        let (mut text, mut line) = (String::new(), top + high + 3);
        for word in prompt.split_inclusive(' ') {
            if !text.is_empty() && caption.width(&text) + caption.width(word.trim_end()) > wide as f32 {
                caption.write(&mut rgb, width, [left, line], &text);
                text.clear();
                line += Caption::LINE;
            }
            if line + Caption::LINE > top + high + CAPTION + MARGIN {
                break;
            }
            text.push_str(word);
        }
        caption.write(&mut rgb, width, [left, line], &text);
    }
    Ok(Picture { width, height, rgb })
}
