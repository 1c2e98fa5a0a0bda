//! Sheets of pictures with their prompts, to look at.

use std::path::PathBuf;

use super::caption::Caption;
use super::error::DataError;
use super::paint::Picture;

const COLUMNS: usize = 4;
const MARGIN: usize = 16;
/// Four lines of caption.
const CAPTION: usize = 72;
const PAPER: u8 = 236;

/// Pictures of one size, half as large, four in a row, each above its prompt.
///
/// # Errors
/// If the caption's font is missing.
pub fn sheet(entries: &[(Picture, String)], folders: &[PathBuf]) -> Result<Picture, DataError> {
    let caption = Caption::new(folders)?;
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
    Ok(Picture { width: width as u32, height: height as u32, rgb, boxes: Vec::new(), cells: Vec::new() })
}
