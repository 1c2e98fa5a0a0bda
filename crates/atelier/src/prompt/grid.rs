//! Token grids and the sizes they stand for (spec 3.2, 3.3, 4.5, 11).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Field, Result};
use crate::geometry::{MAX_SIDE, TOKEN_PIXELS};

/// Tokens along the side of the draft grid of a square target.
const DRAFT_SIDE: f64 = 16.0;

/// A grid of visual tokens, stored row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Grid {
    /// Tokens from top to bottom.
    pub rows: usize,
    /// Tokens from left to right.
    pub columns: usize,
}

impl Grid {
    /// The number of tokens. Saturates, because a grid may come from a file.
    pub fn len(self) -> usize {
        self.rows.saturating_mul(self.columns)
    }

    /// True when a side is 0.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The two grids that stand for one target size: the picture's own and the small draft before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGrids {
    /// One token for each 32×32 pixels; the painter reads this one.
    pub large: Grid,
    /// About 256 tokens of the same aspect ratio, written first (text to image only).
    pub draft: Grid,
}

impl TargetGrids {
    /// The grids for a target of `width`×`height` pixels (spec 3.2).
    ///
    /// Sides are floored to whole tokens, at least one; [`check_size`] says which sizes a request may have.
    pub fn for_size(width: usize, height: usize) -> Self {
        let rows = (height / TOKEN_PIXELS).max(1);
        let columns = (width / TOKEN_PIXELS).max(1);
        let ratio = rows as f64 / columns as f64;
        // The reference truncates and takes the inverse of the ratio, not columns / rows: the last bit
        // matters.
        let draft = Grid {
            rows: (ratio.sqrt() * DRAFT_SIDE) as usize,
            columns: ((1.0 / ratio).sqrt() * DRAFT_SIDE) as usize,
        };
        Self { large: Grid { rows, columns }, draft }
    }
}

/// Checks that a target size can be made: each side a multiple of 32 in 32..=4096 pixels (spec 11).
///
/// # Errors
///
/// [`Error::Request`] with field `width` or `height`.
pub fn check_size(width: usize, height: usize) -> Result<()> {
    check_side(Field::Width, width)?;
    check_side(Field::Height, height)
}

/// Checks one side, as [`check_size`].
pub(crate) fn check_side(field: Field, side: usize) -> Result<()> {
    if side == 0 || side > MAX_SIDE || !side.is_multiple_of(TOKEN_PIXELS) {
        let nearest = (side.saturating_add(TOKEN_PIXELS / 2) / TOKEN_PIXELS * TOKEN_PIXELS)
            .clamp(TOKEN_PIXELS, MAX_SIDE);
        let expected = format!(
            "a multiple of {TOKEN_PIXELS} from {TOKEN_PIXELS} to {MAX_SIDE}, of which {nearest} is the nearest"
        );
        return Err(Error::request(field, expected, side));
    }
    Ok(())
}

/// Repeats every code 2×2, so that there is one for each patch of the painter (spec 4.5).
///
/// # Shapes
///
/// `ids` `[rows · columns]` → `[2·rows · 2·columns]`, both row by row. Ids beyond the grid are left out.
pub fn upsample_codes(ids: &[u32], grid: Grid) -> Vec<u32> {
    let mut codes = Vec::with_capacity(4 * ids.len());
    for row in ids.chunks_exact(grid.columns.max(1)).take(grid.rows) {
        for _ in 0..2 {
            codes.extend(row.iter().flat_map(|&id| [id, id]));
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_target_has_a_draft_of_16_by_16() {
        for side in [32, 64, 512, 1024, 2048] {
            let grids = TargetGrids::for_size(side, side);
            assert_eq!(grids.draft, Grid { rows: 16, columns: 16 });
            assert_eq!(grids.large, Grid { rows: side / 32, columns: side / 32 });
        }
    }

    #[test]
    fn no_allowed_size_has_an_empty_draft() {
        for height in (32..=4096).step_by(32) {
            for width in (32..=4096).step_by(32) {
                check_size(width, height).unwrap();
                assert!(!TargetGrids::for_size(width, height).draft.is_empty(), "{width}x{height}");
            }
        }
    }

    #[test]
    fn sizes_that_no_grid_fits_are_refused_by_field() {
        for (width, height, field) in [
            (0, 64, Field::Width),
            (100, 64, Field::Width),
            (4128, 64, Field::Width),
            (64, 16, Field::Height),
            (64, 65, Field::Height),
        ] {
            match check_size(width, height) {
                Err(Error::Request { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{width}x{height}: {other:?}"),
            }
        }
    }

    #[test]
    fn sizes_out_of_range_do_not_overflow() {
        assert_eq!(TargetGrids::for_size(0, 0).large.len(), 1);
        assert_eq!(Grid { rows: usize::MAX, columns: 2 }.len(), usize::MAX);
    }

    #[test]
    fn codes_are_repeated_along_both_sides() {
        let grid = Grid { rows: 2, columns: 3 };
        let expected = [
            [1, 1, 2, 2, 3, 3], //
            [1, 1, 2, 2, 3, 3],
            [4, 4, 5, 5, 6, 6],
            [4, 4, 5, 5, 6, 6],
        ];
        assert_eq!(upsample_codes(&[1, 2, 3, 4, 5, 6], grid), expected.concat());
    }
}
