//! Samples for other programs, as bytes.

use std::io::{self, ErrorKind, Write};

use super::draw::Press;
use super::sample::Sample;
use crate::brief::Split;

/// Which samples go into a stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    /// The endless stream they come from.
    pub seed: u64,
    /// The first index.
    pub start: u64,
    /// How many records; briefs without a layout are passed over and do not count.
    pub count: u64,
    /// Which words.
    pub split: Split,
}

/// Writes samples one after another; with a press, their pixels too. A reader who closes the stream ends it.
///
/// A record, little-endian: u32 number of bytes that follow; u8 th, tw, ph, pw; u16 number of ids; u16 number of words; u32
/// bytes of the prompt; u32 ids; u16 draft; u16 large grid; for each word u16 0, u16 number of cells, u16 cells; the
/// prompt; with a press sRGB bytes, `[32·th, 32·tw, 3]`.
///
/// # Errors
/// The output cannot be written.
pub fn stream(output: &mut impl Write, options: &StreamOptions, press: Option<&Press>) -> io::Result<()> {
    let mut index = options.start;
    for _ in 0..options.count {
        let sample = loop {
            let sample = Sample::generate(options.seed, index, options.split);
            index += 1;
            if let Ok(sample) = sample {
                break sample;
            }
        };
        match output.write_all(&record(&sample, press)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            result => result?,
        }
    }
    match output.flush() {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// One record.
pub fn record(sample: &Sample, press: Option<&Press>) -> Vec<u8> {
    let layout = &sample.layout;
    let mut bytes = vec![0; 4];
    bytes.extend([layout.th, layout.tw, layout.ph, layout.pw].map(|side| side as u8));
    bytes.extend((sample.ids.len() as u16).to_le_bytes());
    bytes.extend((sample.words.len() as u16).to_le_bytes());
    bytes.extend((sample.prompt.len() as u32).to_le_bytes());
    bytes.extend(sample.ids.iter().flat_map(|id| id.to_le_bytes()));
    bytes.extend(sample.draft.iter().chain(&sample.grid).flat_map(|code| code.to_le_bytes()));
    for word in &sample.words {
        bytes.extend([0, word.len() as u16].iter().chain(word).flat_map(|number| number.to_le_bytes()));
    }
    bytes.extend(sample.prompt.bytes());
    if let Some(press) = press {
        bytes.extend(press.print(&sample.grid, layout.tw as usize));
    }
    let length = (bytes.len() - 4) as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}
