//! Whether texts with places have room: the typesetter's rules, a little stricter.

use super::{Row, Side, Size};

/// A text with a place.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub content: String,
    pub row: Row,
    pub side: Side,
    pub size: Size,
}

/// Makes sizes smaller until all texts have room. False: they have none even so.
pub(super) fn fit(placed: &mut [Placed], [width, height]: [u32; 2]) -> bool {
    let (columns, rows) = ((width / 32) as usize, (height / 32) as usize);
    loop {
        let blocks: Vec<Option<Block>> =
            placed.iter().map(|one| Block::new(one, placed, columns, rows)).collect();
        let mut clash = blocks.iter().position(Option::is_none).map(|index| (index, index));
        for (index, one) in blocks.iter().enumerate() {
            let other = blocks[..index].iter().position(|other| match (one, other) {
                (Some(one), Some(other)) => one.meets(other),
                _ => false,
            });
            clash = clash.or(other.map(|other| (other, index)));
        }
        let Some((one, other)) = clash else { return true };
        let larger = if placed[one].size <= placed[other].size { one } else { other };
        placed[larger].size = match placed[larger].size {
            Size::Large => Size::Medium,
            Size::Medium => Size::Small,
            Size::Small => return false,
        };
    }
}

/// The lines of a text if lines have `limit` characters, with their longest; `None` if a word is longer.
fn wrap(content: &str, limit: usize) -> Option<(usize, usize)> {
    let (mut lines, mut longest, mut line) = (1, 0, 0);
    for word in content.split(' ').map(|word| word.chars().count()) {
        if word > limit {
            return None;
        }
        if line > 0 && line + 1 + word > limit {
            (lines, line) = (lines + 1, word);
        } else {
            line += word + usize::from(line > 0);
        }
        longest = longest.max(line);
    }
    Some((lines, longest))
}

/// Cells, the first and the one after the last.
struct Block {
    rows: [usize; 2],
    columns: [usize; 2],
}

impl Block {
    fn new(one: &Placed, all: &[Placed], columns: usize, rows: usize) -> Option<Self> {
        let shared = all.iter().any(|other| other.row == one.row && other.side != one.side);
        let room = if shared { columns / 2 - 1 } else { columns - 2 };
        let (limit, tall) = match one.size {
            Size::Small => (2 * room - 1, 1),
            Size::Medium => (room - 1, 2),
            Size::Large => (room / 2, 4),
        };
        let (lines, longest) = wrap(&one.content, limit)?;
        let width = match one.size {
            Size::Small => longest.div_ceil(2),
            Size::Medium => longest + longest % 2,
            Size::Large => 2 * longest,
        };
        let height = lines * tall;
        if lines > 3 || height + 2 > rows || height > rows / 3 {
            return None;
        }
        let middle = |share: usize| ((2 * share * rows + 100).saturating_sub(100 * height) / 200).max(1);
        let top = match one.row {
            Row::Top => 1,
            Row::UpperMiddle => middle(30),
            Row::Center => (rows - height) / 2,
            Row::LowerMiddle => middle(70).min(rows - 1 - height),
            Row::Bottom => rows - 1 - height,
        };
        let left = match one.side {
            Side::Left => 1,
            Side::Center => (columns + 1).saturating_sub(width) / 2,
            Side::Right => columns - 1 - width,
        };
        // The cell before a line holds its mark.
        Some(Self { rows: [top, top + height], columns: [left.saturating_sub(1), left + width] })
    }

    fn meets(&self, other: &Self) -> bool {
        self.rows[0] < other.rows[1]
            && other.rows[0] < self.rows[1]
            && self.columns[0] < other.columns[1]
            && other.columns[0] < self.columns[1]
    }
}
