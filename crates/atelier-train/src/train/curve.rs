//! `curve.csv` drawn as `curve.png`: one small chart for each figure, over the samples seen.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{Result, TrainError};
use crate::data::{Caption, Picture};

/// A chart with its margins, in pixels.
const CHART: [usize; 2] = [420, 260];
const LEFT: usize = 56;
const RIGHT: usize = 14;
const TOP: usize = 26;
const BOTTOM: usize = 24;
const COLUMNS: usize = 3;
const PAPER: u8 = 255;
const GRID: [u8; 3] = [226, 226, 226];
const INK: [u8; 3] = [20, 80, 160];
/// Lines of the grid between the lowest and the highest value.
const STEPS: usize = 4;

/// Draws the curves of a training.
///
/// # Errors
/// The table cannot be read.
pub fn draw(table: &Path, caption: &Caption) -> Result<Picture> {
    let text = std::fs::read_to_string(table).map_err(|error| TrainError::file(table, error))?;
    let mut figures: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if let [_, samples, figure, value] = fields[..]
            && let (Ok(samples), Ok(value)) = (samples.parse(), value.parse())
        {
            figures.entry(figure).or_default().push([samples, value]);
        }
    }
    let columns = figures.len().clamp(1, COLUMNS);
    let (width, height) = (columns * CHART[0], figures.len().div_ceil(columns).max(1) * CHART[1]);
    let mut sheet = Sheet { rgb: vec![PAPER; 3 * width * height], width };
    for (index, (name, points)) in figures.iter().enumerate() {
        let corner = [index % columns * CHART[0], index / columns * CHART[1]];
        sheet.chart(corner, name, points, caption);
    }
    let (width, height) = (width as u32, height as u32);
    Ok(Picture { width, height, rgb: sheet.rgb, boxes: Vec::new(), cells: Vec::new() })
}

struct Sheet {
    rgb: Vec<u8>,
    width: usize,
}

impl Sheet {
    fn chart(&mut self, [left, top]: [usize; 2], name: &str, points: &[[f64; 2]], caption: &Caption) {
        let far = points.iter().fold(1.0_f64, |far, point| far.max(point[0]));
        let low = points.iter().fold(0.0_f64, |low, point| low.min(point[1]));
        let high = points.iter().fold(low + 1e-9, |high, point| high.max(point[1]));
        let (across, down) = ((CHART[0] - LEFT - RIGHT) as f64, (CHART[1] - TOP - BOTTOM) as f64);
        let place = |[samples, value]: [f64; 2]| {
            [
                left as f64 + LEFT as f64 + samples / far * across,
                top as f64 + TOP as f64 + (high - value) / (high - low) * down,
            ]
        };
        caption.write(&mut self.rgb, self.width, [left + LEFT, top + 5], &name.replace('_', " "));
        for step in 0..=STEPS {
            let value = low + (high - low) * step as f64 / STEPS as f64;
            let [x, y] = place([0.0, value]);
            self.line([x, y], [x + across, y], GRID);
            let label = if high >= 10.0 { format!("{value:.1}") } else { format!("{value:.3}") };
            let start = (LEFT as f32 - 6.0 - caption.width(&label)).max(0.0) as usize;
            caption.write(&mut self.rgb, self.width, [left + start, y as usize - 8], &label);
        }
        let samples = format!("{far:.0} samples");
        let start = (CHART[0] - RIGHT) as f32 - caption.width(&samples);
        let under = top + CHART[1] - BOTTOM + 4;
        caption.write(&mut self.rgb, self.width, [left + start.max(0.0) as usize, under], &samples);
        for pair in points.windows(2) {
            if let [from, to] = *pair {
                self.line(place(from), place(to), INK);
            }
        }
    }

    fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: [u8; 3]) {
        let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            let [x, y] = [0, 1].map(|axis| (from[axis] + (to[axis] - from[axis]) * share).round() as usize);
            let start = 3 * (y * self.width + x);
            if let Some(pixel) = self.rgb.get_mut(start..start + 3) {
                pixel.copy_from_slice(&colour);
            }
        }
    }
}
