//! Where everything stands: a description laid out on the grid.

use super::decoration::{Decoration, Ornament};
use super::description::{Carrier, Colour, Description, Lead, Region, Side, Size};
use super::error::LayoutError;
use super::geometry::{CELL, Face, Geometry, first_row};

/// A rectangle of grid cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellBox {
    /// Left column.
    pub column: u32,
    /// Top row.
    pub row: u32,
    /// Width in cells.
    pub columns: u32,
    /// Height in cells.
    pub rows: u32,
}

impl CellBox {
    /// Whether the two share a cell.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.column < other.column + other.columns
            && other.column < self.column + self.columns
            && self.row < other.row + other.rows
            && other.row < self.row + self.rows
    }

    /// Whether the cell at `column`, `row` is inside.
    pub fn contains(&self, column: u32, row: u32) -> bool {
        self.overlaps(&Self { column, row, columns: 1, rows: 1 })
    }
}

/// A line of text on the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text.
    pub text: String,
    /// Where `text` begins in the region's text, in characters.
    pub first: usize,
    /// The cells of the line, without the overhang of descenders.
    pub cells: CellBox,
}

/// A region on the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRegion {
    /// One line, or two where the text is too wide for one.
    pub lines: Vec<Line>,
    /// All cells the region may touch.
    pub cells: CellBox,
    /// How large it is.
    pub size: Size,
    /// Where in its row it stands.
    pub side: Side,
    /// Its ink.
    pub colour: Colour,
}

/// What a prompt does not say outright: the type family and the ornament.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The type family.
    pub face: Face,
    /// The ornament.
    pub ornament: Ornament,
}

impl Style {
    /// The style of a description: the carrier decides, and "simple" means no ornament.
    pub fn of(description: &Description) -> Self {
        let (face, ornament) = match description.carrier {
            Carrier::Poster => (Face::Sans, Ornament::Sun),
            Carrier::Card => (Face::Serif, Ornament::Frame),
            Carrier::Sign => (Face::Sans, Ornament::Plate),
            Carrier::Banner => (Face::Sans, Ornament::Bunting),
            Carrier::Label => (Face::Serif, Ornament::Stitches),
            Carrier::Slide => (Face::Sans, Ornament::Bar),
            Carrier::Flyer => (Face::Serif, Ornament::Dots),
        };
        Self { face, ornament: if description.lead == Lead::Simple { Ornament::None } else { ornament } }
    }
}

/// A picture, before it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The background.
    pub background: Colour,
    /// The type family.
    pub face: Face,
    /// The texts, in the order of the description.
    pub regions: Vec<PlacedRegion>,
    /// What stands beside the texts, drawn in this order.
    pub decoration: Vec<Decoration>,
}

impl Scene {
    /// Lays out a description in a picture of `[width, height]` pixels. No two regions share a cell, and no decoration
    /// shares a cell with a region.
    ///
    /// # Errors
    /// If the sides are not multiples of 32 from 128 on, a text is too wide, or two regions overlap.
    pub fn place(
        description: &Description,
        geometry: &Geometry,
        [width, height]: [u32; 2],
        style: Style,
    ) -> Result<Self, LayoutError> {
        if !width.is_multiple_of(CELL) || !height.is_multiple_of(CELL) || width.min(height) < 4 * CELL {
            return Err(LayoutError::Sides { width, height });
        }
        let (columns, rows) = (width / CELL, height / CELL);
        let mut regions: Vec<PlacedRegion> = Vec::with_capacity(description.regions.len());
        for region in &description.regions {
            // A cell of margin below, where there is room for it.
            let mut placed = place(region, geometry, [columns, rows], 1)?;
            let crowded =
                |placed: &PlacedRegion| regions.iter().position(|other| other.cells.overlaps(&placed.cells));
            if crowded(&placed).is_some() {
                placed = place(region, geometry, [columns, rows], 0)?;
            }
            if let Some(other) = crowded(&placed) {
                let first = description.regions[other].text.clone();
                return Err(LayoutError::Overlap { first, second: region.text.clone() });
            }
            regions.push(placed);
        }
        let taken: Vec<CellBox> = regions.iter().map(|region| region.cells).collect();
        let decoration = style.ornament.shapes(description.background, &taken, columns, rows);
        let background = description.background;
        Ok(Self { width, height, background, face: style.face, regions, decoration })
    }
}

fn place(
    region: &Region,
    geometry: &Geometry,
    [columns, rows]: [u32; 2],
    margin: u32,
) -> Result<PlacedRegion, LayoutError> {
    let spec = geometry.size(region.size);
    let too_wide = |needed| LayoutError::TooWide { text: region.text.clone(), needed, available: columns };
    let width = |text: &str| geometry.columns(region.size, text.chars().count());

    let mut texts = vec![(0, region.text.as_str())];
    if width(&region.text) > columns {
        let (first, second) = region.text.split_once(' ').ok_or_else(|| too_wide(width(&region.text)))?;
        texts = vec![(0, first), (first.chars().count() + 1, second)];
    }
    let height = spec.rows * texts.len() as u32;
    let top = first_row(region.row, spec.rows, texts.len() as u32, rows, margin);
    let end = top + height + spec.overhang;
    if end > rows {
        return Err(LayoutError::TooHigh { text: region.text.clone(), needed: end, available: rows });
    }

    let mut lines = Vec::with_capacity(texts.len());
    for (index, (first, text)) in texts.into_iter().enumerate() {
        let needed = width(text);
        let free = columns.checked_sub(needed).ok_or_else(|| too_wide(needed))?;
        // A margin of one cell, where there is room for it.
        let column = match region.side {
            Side::Left => free.min(1),
            Side::Center => free / 2,
            Side::Right => free.saturating_sub(1),
        };
        let row = top + index as u32 * spec.rows;
        let cells = CellBox { column, row, columns: needed, rows: spec.rows };
        lines.push(Line { text: text.to_owned(), first, cells });
    }
    let left = lines.iter().map(|line| line.cells.column).min().unwrap_or(0);
    let right = lines.iter().map(|line| line.cells.column + line.cells.columns).max().unwrap_or(0);
    let cells = CellBox { column: left, row: top, columns: right - left, rows: height + spec.overhang };
    let (size, side, colour) = (region.size, region.side, region.colour);
    Ok(PlacedRegion { lines, cells, size, side, colour })
}
