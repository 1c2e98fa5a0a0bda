//! How text sits on the grid of visual codes.

use super::description::{Row, Size};

/// Side of a grid cell, and of the square one visual code stands for, in pixels.
pub const CELL: u32 = 32;

/// A type family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// Without serifs.
    Sans,
    /// With serifs.
    Serif,
}

impl Face {
    /// Both.
    pub const ALL: &[Self] = &[Self::Sans, Self::Serif];
}

/// The font of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceSpec {
    /// File name.
    pub file: &'static str,
    /// Debian package that holds it.
    pub package: &'static str,
    /// Factor on the em of every size, to make families look equally large.
    pub scale: f32,
    /// Horizontal stretch of large, medium and small.
    pub stretch: [f32; 3],
    /// The part of its column that a letter's ink takes at least, with [`Tracking::Fixed`]: narrow letters of a
    /// proportional face are widened (by up to 35 %), or they would stand apart.
    pub fill: f32,
}

/// How the letters of a line follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    /// Every character in the middle of a column as wide as the pitch.
    Fixed,
    /// By the font's own widths. The pitch only reserves room.
    Natural,
}

/// How a size is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizeSpec {
    /// Width of a character's column in pixels.
    pub pitch: u32,
    /// Height of a line in cells.
    pub rows: u32,
    /// Cells below the line into which descenders reach.
    pub overhang: u32,
    /// The em in pixels.
    pub em: f32,
    /// From the top of the line to the baseline in pixels.
    pub baseline: f32,
}

/// How text is set: the grid alignment, the sizes and the families.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// Name, for reports.
    pub name: &'static str,
    /// How letters follow each other.
    pub tracking: Tracking,
    /// Large, medium and small.
    pub sizes: [SizeSpec; 3],
    /// Sans and serif.
    pub faces: [FaceSpec; 2],
}

const SANS: FaceSpec = FaceSpec {
    file: "DejaVuSansMono-Bold.ttf",
    package: "fonts-dejavu-core",
    scale: 1.,
    stretch: [1.17, 1., 1.42],
    fill: 0.,
};
const SERIF: FaceSpec = FaceSpec {
    file: "DejaVuSerif-Bold.ttf",
    package: "fonts-dejavu-core",
    scale: 1.,
    stretch: [1., 0.85, 1.18],
    fill: 0.66,
};

impl Geometry {
    /// A character is two cells by three when large, one by two when medium, and one when small.
    pub fn cell() -> Self {
        Self {
            name: "cell",
            tracking: Tracking::Fixed,
            sizes: [
                SizeSpec { pitch: 64, rows: 3, overhang: 0, em: 90., baseline: 74. },
                SizeSpec { pitch: 32, rows: 2, overhang: 0, em: 53., baseline: 47. },
                SizeSpec { pitch: 32, rows: 1, overhang: 1, em: 37., baseline: 31. },
            ],
            faces: [SANS, SERIF],
        }
    }

    /// A character is one cell wide in every size, and three, two or one high: a line of text is a line of codes.
    pub fn column() -> Self {
        let large = SizeSpec { pitch: 32, rows: 3, overhang: 0, em: 88., baseline: 74. };
        let [_, medium, small] = Self::cell().sizes;
        let narrow =
            |face: FaceSpec, large| FaceSpec { stretch: [large, face.stretch[1], face.stretch[2]], ..face };
        let faces = [narrow(SANS, 0.61), narrow(SERIF, 0.55)];
        Self { name: "column", sizes: [large, medium, small], faces, ..Self::cell() }
    }

    /// Large characters are one cell and a half wide, small ones half a cell.
    pub fn half() -> Self {
        let [_, medium, _] = Self::cell().sizes;
        let large = SizeSpec { pitch: 48, rows: 3, overhang: 0, em: 78., baseline: 68. };
        let small = SizeSpec { pitch: 16, rows: 1, overhang: 0, em: 26., baseline: 23. };
        let natural = |face: FaceSpec| FaceSpec { stretch: [1., face.stretch[1], face.stretch[1]], ..face };
        Self {
            name: "half",
            sizes: [large, medium, small],
            faces: [natural(SANS), natural(SERIF)],
            ..Self::cell()
        }
    }

    /// Proportional type, 1/7, 1/9 and 1/11 of 512 pixels high, whose lines begin on the grid: a plain rendering to
    /// compare with.
    pub fn natural() -> Self {
        let face =
            |file| FaceSpec { file, package: "fonts-dejavu-core", scale: 1., stretch: [1.; 3], fill: 0. };
        Self {
            name: "natural",
            tracking: Tracking::Natural,
            sizes: [
                SizeSpec { pitch: 56, rows: 3, overhang: 0, em: 73., baseline: 66. },
                SizeSpec { pitch: 44, rows: 2, overhang: 0, em: 57., baseline: 49. },
                SizeSpec { pitch: 36, rows: 2, overhang: 0, em: 46., baseline: 46. },
            ],
            faces: [face("DejaVuSans-Bold.ttf"), face("DejaVuSerif-Bold.ttf")],
        }
    }

    /// The geometry of this name: `cell`, `column`, `half` or `natural`.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::column(), Self::cell(), Self::half(), Self::natural()];
        all.into_iter().find(|item| item.name == name)
    }

    /// How this size is set.
    pub fn size(&self, size: Size) -> &SizeSpec {
        &self.sizes[size as usize]
    }

    /// The font of this family.
    pub fn face(&self, face: Face) -> &FaceSpec {
        &self.faces[face as usize]
    }

    /// Columns of cells that a line of `characters` takes.
    pub fn columns(&self, size: Size, characters: usize) -> u32 {
        (self.size(size).pitch * characters as u32).div_ceil(CELL)
    }
}

/// The first grid row of a block of `lines` lines of `height` cells, in a grid of `rows`: in sixteen rows they are 1,
/// 4, 7, 10 and 13, save that a block ends `margin` cells above the lower edge.
pub(super) fn first_row(row: Row, height: u32, lines: u32, rows: u32, margin: u32) -> u32 {
    let mut first = 1 + row as u32 * (rows - 1) / 5;
    if row != Row::Top {
        first -= height * (lines - 1) / 2;
    }
    first.min((rows - margin).saturating_sub(height * lines))
}
