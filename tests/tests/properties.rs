//! What holds for every size, prompt and grid, not just for those of the golden files.

use atelier::prompt::{
    Grid, TargetGrids, check_size, decode_positions, glyph_texts, glyph_tokens, prompt_positions,
    upsample_codes,
};
use fancy_regex::Regex;
use proptest::collection::vec;
use proptest::prelude::*;

const START: u32 = 900;
const IMAGE: u32 = 901;
const END: u32 = 902;

fn grid() -> impl Strategy<Value = Grid> {
    (1usize..9, 1usize..9).prop_map(|(rows, columns)| Grid { rows, columns })
}

/// Sides of allowed pictures, in pixels.
fn side() -> impl Strategy<Value = usize> {
    (1usize..=128).prop_map(|tokens| tokens * 32)
}

/// Text in which quotes of every kind are common.
fn quoted_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("“".to_owned()),
        Just("”".to_owned()),
        Just("「".to_owned()),
        Just("」".to_owned()),
        Just("\n".to_owned()),
        "[a-z ]{0,4}",
        "\\PC{0,2}",
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The four scans of the specification (section 6.1), as patterns.
fn oracle(prompt: &str) -> Vec<String> {
    let patterns = ["'([^']*)'", "“([^“”]*)”", "\"([^\"]*)\"", "「([^「」]*)」"];
    let scan = |pattern: &str| -> Vec<String> {
        let found = Regex::new(pattern).unwrap();
        found.captures_iter(prompt).map(|c| c.unwrap()[1].to_owned()).collect()
    };
    patterns.into_iter().flat_map(scan).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn target_grids_cover_the_picture(width in side(), height in side()) {
        check_size(width, height).unwrap();
        let TargetGrids { large, draft } = TargetGrids::for_size(width, height);
        prop_assert_eq!((large.rows * 32, large.columns * 32), (height, width));
        // The draft has about 256 tokens, never more, and leans the same way as the picture.
        prop_assert!((1..=256).contains(&draft.len()), "{draft:?}");
        prop_assert_eq!(draft.rows.cmp(&draft.columns).is_gt() && height <= width, false);
        // Turning the picture turns the draft.
        let turned = TargetGrids::for_size(height, width);
        prop_assert_eq!((turned.draft.rows, turned.draft.columns), (draft.columns, draft.rows));
    }

    #[test]
    fn sizes_off_the_grid_are_refused(width in 0usize..9000, height in 0usize..9000) {
        let allowed = |n: usize| n.is_multiple_of(32) && (32..=4096).contains(&n);
        prop_assert_eq!(check_size(width, height).is_ok(), allowed(width) && allowed(height));
    }

    #[test]
    fn upsampling_puts_each_code_on_four_patches(grid in grid(), seed in any::<u32>()) {
        let ids: Vec<u32> = (0..grid.len() as u32).map(|i| i.wrapping_mul(seed) % 97).collect();
        let up = upsample_codes(&ids, grid);
        prop_assert_eq!(up.len(), 4 * grid.len());
        for row in 0..2 * grid.rows {
            for column in 0..2 * grid.columns {
                prop_assert_eq!(up[row * 2 * grid.columns + column], ids[row / 2 * grid.columns + column / 2]);
            }
        }
    }

    #[test]
    fn prompt_positions_count_text_by_one_and_images_by_their_longer_side(
        sources in vec(grid(), 0..4),
        text in 0usize..40,
    ) {
        let mut ids = Vec::new();
        for source in &sources {
            ids.push(START);
            ids.extend(std::iter::repeat_n(IMAGE, source.len()));
            ids.push(END);
        }
        ids.extend((0..text as u32).map(|i| i % 50));
        ids.push(START);
        let (positions, next) = prompt_positions(&ids, START, IMAGE, &sources);
        prop_assert_eq!(positions.len(), ids.len());
        let images: usize = sources.iter().map(|grid| grid.rows.max(grid.columns) + 2).sum();
        prop_assert_eq!(next as usize, images + text + 1);
        for (id, position) in ids.iter().zip(&positions) {
            let [t, y, x] = *position;
            prop_assert!(t < next && y < next && x < next);
            prop_assert!(*id == IMAGE || (t == y && t == x));
        }
        // Time never runs backwards.
        prop_assert!(positions.windows(2).all(|pair| pair[0][0] <= pair[1][0]));
    }

    #[test]
    fn written_tokens_walk_each_grid_row_by_row(next in 0u32..5000, grids in vec(grid(), 1..3)) {
        let positions = decode_positions(next, &grids);
        let mut expected = Vec::new();
        let mut t = next;
        for grid in &grids {
            for index in 0..grid.len() {
                expected.push([t, t + (index / grid.columns) as u32, t + (index % grid.columns) as u32]);
            }
            t += grid.rows.max(grid.columns) as u32;
        }
        expected.push([t; 3]);
        prop_assert_eq!(positions, expected);
    }

    #[test]
    fn quotes_are_found_as_the_patterns_find_them(prompt in quoted_text()) {
        prop_assert_eq!(glyph_texts(&prompt), oracle(&prompt));
    }

    #[test]
    fn glyph_tokens_hold_every_byte_and_one_end(prompt in quoted_text()) {
        let texts = glyph_texts(&prompt);
        let tokens = glyph_tokens(&texts);
        prop_assert_eq!(tokens.rows.len(), texts.len().max(1));
        let lead = usize::from(!texts.is_empty() && texts.len().is_multiple_of(2));
        for (row, text) in tokens.rows.iter().zip(texts.iter().map(String::as_str).chain([""])) {
            let bytes: Vec<u32> = text.bytes().map(|b| u32::from(b) + 3).chain([1]).collect();
            prop_assert_eq!(&row[lead..], &bytes[..]);
        }
    }
}
