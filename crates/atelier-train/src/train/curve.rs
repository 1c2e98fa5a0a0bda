//! `curve.csv` drawn as `curve.png`: one small chart for each figure, over the samples seen.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use plotters::prelude::{
    BLACK, BitMapBackend, ChartBuilder, Color, IntoDrawingArea, LineSeries, RGBColor, WHITE,
};
use plotters::style::{FontStyle, register_font};

use super::error::{Result, TrainError};

const CHART: (u32, u32) = (460, 300);
const LINE: RGBColor = RGBColor(20, 80, 160);

/// Draws the curves of a training.
///
/// # Errors
/// The table cannot be read or the picture cannot be written.
pub fn draw(table: &Path, picture: &Path, font: &[u8]) -> Result<()> {
    let text = std::fs::read_to_string(table).map_err(|error| TrainError::file(table, error))?;
    let mut figures: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if let [_, samples, figure, value] = fields[..]
            && let (Ok(samples), Ok(value)) = (samples.parse(), value.parse())
        {
            figures.entry(figure).or_default().push((samples, value));
        }
    }
    figures.retain(|_, points| points.len() > 1);
    let columns = figures.len().clamp(1, 3) as u32;
    let rows = (figures.len() as u32).div_ceil(columns).max(1);
    let size = (CHART.0 * columns, CHART.1 * rows);
    // The font lives as long as the program: the drawing library keeps a reference to it.
    let font: &'static [u8] = Box::leak(font.to_vec().into_boxed_slice());
    register_font("sans-serif", FontStyle::Normal, font)
        .map_err(|_| TrainError::file(picture, "the font for the axes is no font"))?;
    let mut pixels = vec![0; (3 * size.0 * size.1) as usize];
    charts(&mut pixels, size, [rows, columns], &figures).map_err(|error| TrainError::file(picture, error))?;
    write_png(picture, &pixels, size).map_err(|error| TrainError::file(picture, error))
}

fn charts(
    pixels: &mut [u8],
    size: (u32, u32),
    [rows, columns]: [u32; 2],
    figures: &BTreeMap<&str, Vec<(f64, f64)>>,
) -> std::result::Result<(), Box<dyn Error>> {
    let root = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    root.fill(&WHITE)?;
    let areas = root.split_evenly((rows as usize, columns as usize));
    for (area, (name, points)) in areas.iter().zip(figures) {
        let far = points.iter().fold(0.0_f64, |far, point| far.max(point.0));
        let low = points.iter().fold(f64::INFINITY, |low, point| low.min(point.1)).min(0.0);
        let high = points.iter().fold(f64::NEG_INFINITY, |high, point| high.max(point.1));
        let mut chart = ChartBuilder::on(area)
            .caption(name.replace('_', " "), ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(46)
            .build_cartesian_2d(0.0..far, low..high.max(low + 1e-9))?;
        chart
            .configure_mesh()
            .x_desc("samples")
            .x_labels(5)
            .y_labels(6)
            .label_style(("sans-serif", 12))
            .light_line_style(BLACK.mix(0.04))
            .draw()?;
        chart.draw_series(LineSeries::new(points.iter().copied(), LINE.stroke_width(2)))?;
    }
    root.present()?;
    drop(areas);
    Ok(())
}

fn write_png(path: &Path, pixels: &[u8], size: (u32, u32)) -> std::result::Result<(), Box<dyn Error>> {
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(())
}
