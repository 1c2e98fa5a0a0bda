//! The three-axis positions of the architect's tokens (spec 4.3).
//!
//! A position is not a sequence index: after a grid the counter jumps by the longer side only.

use super::Grid;

/// The position of one token as the rotary embedding sees it: `[t, y, x]`.
pub type Position = [u32; 3];

/// Positions of the prompt tokens, and the counter after them.
///
/// `ids` is the unpadded prompt with its image placeholders. An `image_start` that is followed by an
/// `image_token` opens the next of `source_grids`; everything else is text.
///
/// # Shapes
///
/// `[ids.len()]` positions.
pub fn prompt_positions(
    ids: &[u32],
    image_start: u32,
    image_token: u32,
    source_grids: &[Grid],
) -> (Vec<Position>, u32) {
    let mut positions = Vec::with_capacity(ids.len());
    let mut next = 0;
    let mut grids = source_grids.iter();
    while let Some(&id) = ids.get(positions.len()) {
        positions.push([next; 3]);
        next += 1;
        if id == image_start
            && ids.get(positions.len()) == Some(&image_token)
            && let Some(&grid) = grids.next()
        {
            next = push_grid(&mut positions, next, grid);
            // Only a caller that miscounts its placeholders gets here with too many.
            positions.truncate(ids.len());
        }
    }
    (positions, next)
}

/// Positions of the tokens that the architect writes, starting at the counter after the prompt.
///
/// `target_grids` is in the order of writing: draft, then large (text to image), or large alone (image to
/// image). The n-th written token is fed back with the n-th position; one more entry is for the token after
/// the image.
///
/// # Shapes
///
/// `[sum of the grids + 1]` positions.
pub fn decode_positions(next: u32, target_grids: &[Grid]) -> Vec<Position> {
    let mut positions = Vec::with_capacity(target_grids.iter().map(|grid| grid.len()).sum::<usize>() + 1);
    let after = target_grids.iter().fold(next, |next, &grid| push_grid(&mut positions, next, grid));
    positions.push([after; 3]);
    positions
}

/// Appends the positions of a grid that starts at `next`; returns the counter after it.
fn push_grid(positions: &mut Vec<Position>, next: u32, grid: Grid) -> u32 {
    for row in 0..grid.rows as u32 {
        positions.extend((0..grid.columns as u32).map(|column| [next, next + row, next + column]));
    }
    next + grid.rows.max(grid.columns) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_of_the_specification() {
        let positions = decode_positions(10, &[Grid { rows: 2, columns: 2 }, Grid { rows: 1, columns: 3 }]);
        let expected = [
            [10, 10, 10],
            [10, 10, 11],
            [10, 11, 10],
            [10, 11, 11],
            [12, 12, 12],
            [12, 12, 13],
            [12, 12, 14],
            [15, 15, 15],
        ];
        assert_eq!(positions, expected);
    }

    #[test]
    fn a_source_takes_the_longer_side_and_its_end_is_text() {
        let (start, end, image) = (100, 101, 200);
        let ids = [start, image, image, end, 7, start];
        let (positions, next) = prompt_positions(&ids, start, image, &[Grid { rows: 1, columns: 2 }]);
        assert_eq!(positions, [[0, 0, 0], [1, 1, 1], [1, 1, 2], [3, 3, 3], [4, 4, 4], [5, 5, 5]]);
        assert_eq!(next, 6);
    }

    #[test]
    fn there_is_one_position_for_each_id_whatever_the_grids_say() {
        let ids = [1, 2, 2, 9];
        for grid in [Grid { rows: 0, columns: 0 }, Grid { rows: 1, columns: 1 }, Grid { rows: 5, columns: 5 }]
        {
            assert_eq!(prompt_positions(&ids, 1, 2, &[grid]).0.len(), ids.len());
        }
        assert_eq!(prompt_positions(&ids, 1, 2, &[]).1, 4);
    }
}
