//! Where everything stands: a brief laid out on the grid, as the draft and as the large grid of codes.
//!
//! # Rules
//!
//! **Texts.** A text is the tokens that its span touches. Blanks outside the span that share a token with it stay; another
//! character after it is cut off (its last token becomes a single), one before it rejects the sample, and so does a
//! quote mark or a character without a code inside. Lines end at newlines, and otherwise as late as possible where
//! a token ends or the next one begins with a space.
//!
//! **Width.** `tw - 2` columns, from column 1 (with a frame `tw - 3`, from column 2: the marks need a column), and `pw - 3`
//! tokens. Texts with a place share a row band with texts on other sides: then `tw/2 - 1` columns, `tw/2 - 2` on the right.
//!
//! **Height.** The picture without its first and last row: the area. An icon without a place takes three rows of it: at the
//! top, or at the bottom if a text has its place at the top. Slot `i` of `N` texts is `area/N` rows high, and what is left over stands above and below. A text at the top
//! or bottom may be `0.68·th - 2` rows high, so that its middle is in the band.
//!
//! **Size.** A said size is taken if the text fits into its height in at most three lines (small: any number), else the next
//! smaller. Unsaid: the leading text is the first one, or the shortest if that has at most seven characters and the
//! first has more. A lone text is as large as fits in three lines. Otherwise the leading text is as large as fits its slot,
//! the others at most medium and no larger than it; large and medium have two lines at most, small has three. What fits
//! nowhere is small, with as many lines as it needs.
//!
//! **Rows.** Top: row 1. Bottom: the last text row but one. Center: the middle, rounded up towards the top. Upper and lower
//! middle: centred at 0.30 and 0.70 of the height. Without a place: in the middle of the slot.
//!
//! **Columns.** The ink is aligned, in whole cells. Left: at the first column; if a line of the block begins with a
//! blank as wide as a cell, all ink begins that much further right. Right: the ink ends before the last column. Center:
//! half cells are rounded to the right.
//!
//! **Collisions.** Of the first two texts that share a cell the larger one (if alike the higher one, if alike the later
//! one) becomes a size smaller. If both are small, the lower one goes down to just below the other; where there is no room,
//! the upper one goes up.
//!
//! **Colours.** Ground unsaid: the first of cream, white, navy, black, gray on which every said ink has a contrast of 2.5, or of
//! all grounds the one with the best worst contrast. Ink unsaid: [`default_ink`], and of a decoration the ink said for another
//! one. A contrast below 1.4, or 1.3 of a decoration, rejects the sample.
//!
//! **Decorations.** The cell to the left of a decoration's row says its ink, as a mark does for a text; for a frame its upper
//! left corner does. Rules, stripes and dots are bands from column 1 to the last but one (with a frame from column 2): at the
//! top in row 0, at the bottom in the last row (with a frame in the next row inwards), elsewhere at 0.30, 0.50 and 0.70 of the height. A rule
//! without a place stands right below the first text, or right above it; stripes and dots in the last row. An icon stands
//! in its band like a text. What finds its place taken goes to the nearest free row, at most three away, the lower one
//! first. An icon without a place, or in the center where texts are: top center, bottom center, top right, top left, bottom right,
//! bottom left; alone in the middle of a picture without texts.

use std::ops::Range;

use thiserror::Error;

use super::CELL;
use super::codes::{CODES, Code, DOWN_FIRST, DOWN_LAST, FRAME_PIECES, RIGHT_FIRST, RIGHT_LAST};
use super::tokens::{Token, composed, shown};
use crate::brief::{Adornment, Brief, Face, Ink, Kind, Row, Side, Size, Text};

/// Why a brief has no layout. Callers take the next brief.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejected {
    /// The sides are not multiples of 64 in 512..=1024.
    #[error("a picture of {0}×{1} pixels")]
    Sides(u32, u32),
    /// The prompt is not in Unicode's form C.
    #[error("a prompt that is not composed")]
    Composed,
    /// A text cannot be shown as it is tokenised.
    #[error("'{0}' has a token that no picture shows")]
    Token(String),
    /// A text shares its first token with the prompt before it.
    #[error("'{0}' begins within a pair")]
    Pair(String),
    /// A text has nothing to show.
    #[error("a text without characters")]
    Empty,
    /// A text fits in no size.
    #[error("'{0}' does not fit")]
    Size(String),
    /// Texts collide whatever is tried.
    #[error("texts collide")]
    Collision,
    /// An ink cannot be read on the ground, or an ink is no ground.
    #[error("{0} on {1}")]
    Contrast(&'static str, &'static str),
    /// A decoration finds no place.
    #[error("no room for {0}")]
    Room(&'static str),
    /// The draft is too small.
    #[error("more lines than the draft has rows")]
    Draft,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which text of the brief.
    pub text: usize,
    /// The first row of the large grid.
    pub row: u32,
    /// The column of the first character; the mark stands to its left.
    pub column: u32,
    /// The size.
    pub size: Size,
    /// The ink.
    pub ink: Ink,
    /// The face.
    pub face: Face,
    /// What it shows: codes of small pairs, whatever the size.
    pub tokens: Vec<u16>,
}

/// A decoration and its upper left cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// What it is.
    pub kind: Kind,
    /// Its ink.
    pub ink: Ink,
    /// The row.
    pub row: u32,
    /// The column.
    pub column: u32,
}

/// A picture, before it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Rows of the large grid.
    pub th: u32,
    /// Columns of the large grid.
    pub tw: u32,
    /// Rows of the draft.
    pub ph: u32,
    /// Columns of the draft.
    pub pw: u32,
    /// The ground.
    pub ground: Ink,
    /// The lines, in the order of the draft's rows.
    pub lines: Vec<Line>,
    /// The decorations, in the order of the draft's rows after the lines.
    pub decorations: Vec<Placed>,
}

/// Rows of a line of this size.
pub fn rows(size: Size) -> u32 {
    match size {
        Size::Large => 4,
        Size::Medium => 2,
        Size::Small => 1,
    }
}

/// Columns of a token, which is two characters wide, in this size.
pub fn columns(size: Size) -> u32 {
    rows(size)
}

/// Rows and columns of the draft of a large grid.
pub fn draft_size(th: u32, tw: u32) -> [u32; 2] {
    let ratio = f64::from(th) / f64::from(tw);
    [(ratio.sqrt() * 16.) as u32, ((1. / ratio).sqrt() * 16.) as u32]
}

/// The ink on this ground where the prompt says none.
pub fn default_ink(ground: Ink) -> Ink {
    match ground {
        Ink::White | Ink::Cream | Ink::SkyBlue => Ink::Navy,
        Ink::Yellow | Ink::Orange | Ink::Pink | Ink::Gray => Ink::Black,
        Ink::Red | Ink::Green | Ink::Brown => Ink::Cream,
        _ => Ink::White,
    }
}

/// Lays out a brief whose prompt has these tokens.
///
/// # Errors
/// There is no layout by the rules of this module.
pub fn lay_out(brief: &Brief, tokens: &[Token]) -> Result<Layout, Rejected> {
    let (width, height) = (brief.width, brief.height);
    let fits = |side: u32| side.is_multiple_of(64) && (512..=1024).contains(&side);
    if !fits(width) || !fits(height) {
        return Err(Rejected::Sides(width, height));
    }
    if composed(&brief.prompt) != brief.prompt {
        return Err(Rejected::Composed);
    }
    let (th, tw) = (height / CELL, width / CELL);
    let [ph, pw] = draft_size(th, tw);
    let ground = ground(brief)?;
    let area = area(brief, th);
    let mut page = Page {
        th,
        tw,
        pw,
        first: if brief.adornments.iter().any(|item| item.kind == Kind::Frame) { 2 } else { 1 },
        area,
        blocks: Vec::new(),
    };
    for text in &brief.texts {
        let paragraphs = paragraphs(text, tokens)?;
        let shared = text.place.is_some_and(|(row, side)| {
            brief.texts.iter().filter_map(|other| other.place).any(|other| other.0 == row && other.1 != side)
        });
        let slot = (page.area.end - page.area.start) / brief.texts.len() as u32;
        page.blocks.push(Block { paragraphs, place: text.place, shared, slot, ..Block::default() });
    }
    page.sizes(&brief.texts)?;
    for index in 0..page.blocks.len() {
        page.arrange(index)?;
    }
    page.settle()?;

    let mut lines = Vec::new();
    for (index, (text, block)) in brief.texts.iter().zip(&page.blocks).enumerate() {
        let ink = text.ink.unwrap_or(default_ink(ground));
        readable(ink, ground, 1.4)?;
        lines.extend(block.lines.iter().enumerate().map(|(place, (tokens, column))| Line {
            text: index,
            row: block.row + place as u32 * rows(block.size),
            column: *column,
            size: block.size,
            ink,
            face: text.face.unwrap_or(Face::Sans),
            tokens: tokens.clone(),
        }));
    }
    let mut layout = Layout { th, tw, ph, pw, ground, lines, decorations: Vec::new() };
    decorate(&mut layout, brief)?;
    layout.check()?;
    Ok(layout)
}

fn ground(brief: &Brief) -> Result<Ink, Rejected> {
    if let Some(ground) = brief.ground {
        let known = Ink::ALL[..Ink::GROUNDS].contains(&ground);
        return if known { Ok(ground) } else { Err(Rejected::Contrast("a text", ground.name())) };
    }
    let inks = brief.texts.iter().map(|text| text.ink).chain(brief.adornments.iter().map(|item| item.ink));
    let inks: Vec<Ink> = inks.flatten().collect();
    let worst = |ground: Ink| inks.iter().map(|ink| ink.contrast(ground)).fold(f32::MAX, f32::min);
    let mut best = Ink::Cream;
    for ground in [Ink::Cream, Ink::White, Ink::Navy, Ink::Black, Ink::Gray] {
        if worst(ground) >= 2.5 {
            return Ok(ground);
        }
    }
    for &ground in &Ink::ALL[..Ink::GROUNDS] {
        if worst(ground) > worst(best) {
            best = ground;
        }
    }
    Ok(best)
}

fn readable(ink: Ink, ground: Ink, least: f32) -> Result<(), Rejected> {
    if ink.contrast(ground) < least {
        return Err(Rejected::Contrast(ink.name(), ground.name()));
    }
    Ok(())
}

/// The rows in which texts without a place are stacked.
fn area(brief: &Brief, th: u32) -> Range<u32> {
    let free = |item: &Adornment| item.place.is_none_or(|(row, _)| row == Row::Center);
    let icon = brief.adornments.iter().any(|item| is_icon(item.kind) && free(item));
    if !icon {
        return 1..th - 1;
    }
    let top = brief.texts.iter().any(|text| matches!(text.place, Some((Row::Top, _))));
    if top { 1..th - 4 } else { 4..th - 1 }
}

fn is_icon(kind: Kind) -> bool {
    !matches!(kind, Kind::Frame | Kind::Rule | Kind::Stripes | Kind::Dots)
}

/// The tokens of a text, one list for each line of the prompt.
fn paragraphs(text: &Text, tokens: &[Token]) -> Result<Vec<Vec<u16>>, Rejected> {
    let span = &text.span;
    let inside = |token: &&Token| token.range.start < span.end && token.range.end > span.start;
    let newline = CODES.text_mark('\n');
    let mut paragraphs = vec![Vec::new()];
    for token in tokens.iter().filter(inside) {
        if Some(token.id) == newline {
            paragraphs.push(Vec::new());
            continue;
        }
        let Some([left, right]) = shown(token.id) else {
            return Err(Rejected::Token(text.content.clone()));
        };
        let mut code = token.id as u16;
        if token.range.start < span.start && left != Some(' ') {
            return Err(Rejected::Pair(text.content.clone()));
        }
        if token.range.end > span.end && right != Some(' ') {
            let single = left.and_then(|left| CODES.small(left, None));
            code = single.ok_or_else(|| Rejected::Token(text.content.clone()))?;
        }
        if let Some(last) = paragraphs.last_mut() {
            last.push(code);
        }
    }
    let blank = |tokens: &Vec<u16>| tokens.iter().all(|&token| sides(token).iter().all(|&side| side));
    paragraphs.retain(|tokens| !blank(tokens));
    if paragraphs.is_empty() {
        return Err(Rejected::Empty);
    }
    Ok(paragraphs)
}

/// Whether the left and the right half of a small code are blank.
fn sides(token: u16) -> [bool; 2] {
    match shown(u32::from(token)) {
        Some([left, right]) => [left, right].map(|side| matches!(side, None | Some(' '))),
        None => [true; 2],
    }
}

/// A text on its way to the page.
#[derive(Debug, Clone)]
struct Block {
    paragraphs: Vec<Vec<u16>>,
    place: Option<(Row, Side)>,
    /// Whether another text stands beside it.
    shared: bool,
    /// Height of its slot.
    slot: u32,
    size: Size,
    row: u32,
    /// The row is final, whatever the size.
    moved: bool,
    /// Tokens and column.
    lines: Vec<(Vec<u16>, u32)>,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            paragraphs: Vec::new(),
            place: None,
            shared: false,
            slot: 0,
            size: Size::Small,
            row: 0,
            moved: false,
            lines: Vec::new(),
        }
    }
}

impl Block {
    fn side(&self) -> Side {
        self.place.map_or(Side::Center, |place| place.1)
    }

    fn height(&self) -> u32 {
        self.lines.len() as u32 * rows(self.size)
    }

    /// Greedy lines of at most `most` tokens.
    fn wrap(&self, most: usize) -> Option<Vec<Vec<u16>>> {
        let space =
            |token: u16, side: usize| shown(u32::from(token)).is_some_and(|halves| halves[side] == Some(' '));
        let mut lines = Vec::new();
        for tokens in &self.paragraphs {
            let mut rest = tokens.as_slice();
            while rest.len() > most {
                let cut = (1..=most).rev().find(|&cut| space(rest[cut - 1], 1) || space(rest[cut], 0))?;
                lines.push(rest[..cut].to_vec());
                rest = &rest[cut..];
            }
            lines.push(rest.to_vec());
        }
        Some(lines)
    }
}

/// The picture on which texts are placed.
struct Page {
    th: u32,
    tw: u32,
    pw: u32,
    /// The first column of text.
    first: u32,
    area: Range<u32>,
    blocks: Vec<Block>,
}

impl Page {
    /// Columns for a block.
    fn width(&self, block: &Block) -> u32 {
        let whole = self.tw - 1 - self.first;
        match (block.shared, block.side()) {
            (false, _) => whole,
            (true, Side::Right) => self.tw / 2 - 2,
            (true, _) => (self.tw / 2 - self.first).min(whole),
        }
    }

    fn wrap(&self, block: &Block, size: Size) -> Option<Vec<Vec<u16>>> {
        let most = (self.width(block) / columns(size)).min(self.pw - 3);
        block.wrap(most as usize)
    }

    /// Rows that a block may have where the prompt puts it.
    fn room(&self, block: &Block) -> u32 {
        match block.place {
            Some((Row::Top | Row::Bottom, _)) => (0.68 * f64::from(self.th)) as u32 - 2,
            Some(_) => self.th - 2,
            None => self.area.end - self.area.start,
        }
    }

    fn fits(&self, block: &Block, size: Size, height: u32, lines: usize) -> bool {
        self.wrap(block, size)
            .is_some_and(|all| all.len() <= lines && all.len() as u32 * rows(size) <= height)
    }

    fn sizes(&mut self, texts: &[Text]) -> Result<(), Rejected> {
        let length = |text: &Text| text.content.chars().count();
        let mut lead = 0;
        if let Some((shortest, text)) = texts.iter().enumerate().min_by_key(|(_, text)| length(text))
            && length(text) <= 7
            && texts.first().is_some_and(|first| length(first) > 7)
        {
            lead = shortest;
        }
        let order = [lead].into_iter().chain((0..texts.len()).filter(|&index| index != lead));
        let alone = texts.len() == 1;
        let mut largest = Size::Large;
        for index in order.filter(|&index| index < texts.len()) {
            let block = &self.blocks[index];
            let room = self.room(block);
            let from = texts[index].size.unwrap_or(if index == lead { Size::Large } else { largest });
            let found = Size::ALL.iter().copied().filter(|&size| size >= from).find(|&size| {
                let (height, lines) = match (texts[index].size, size) {
                    (Some(_), Size::Small) => (room, usize::MAX),
                    (Some(_), _) => (room, 3),
                    (None, _) if alone => (room, 3),
                    (None, Size::Small) => (room.min(block.slot), 3),
                    (None, _) => (room.min(block.slot), 2),
                };
                self.fits(block, size, height, lines)
            });
            let size = match found {
                Some(size) => size,
                None if self.fits(block, Size::Small, self.th - 2, usize::MAX) => Size::Small,
                None => return Err(Rejected::Size(texts[index].content.clone())),
            };
            self.blocks[index].size = size;
            if index == lead {
                largest = size.max(Size::Medium);
            }
        }
        Ok(())
    }

    /// Lines, row and columns of a block of known size.
    fn arrange(&mut self, index: usize) -> Result<(), Rejected> {
        let block = &self.blocks[index];
        let lines = self.wrap(block, block.size).ok_or(Rejected::Collision)?;
        let height = lines.len() as u32 * rows(block.size);
        if height > self.th - 2 {
            return Err(Rejected::Collision);
        }
        let last = self.th - 1 - height;
        let around = |middle: f64| {
            let row = (middle * f64::from(self.th) - f64::from(height) / 2.).round();
            (row.max(1.) as u32).min(last)
        };
        let row = match block.place {
            _ if block.moved => block.row,
            Some((Row::Top, _)) => 1,
            Some((Row::UpperMiddle, _)) => around(0.30),
            Some((Row::Center, _)) => ((self.th - height) / 2).min(last),
            Some((Row::LowerMiddle, _)) => around(0.70),
            Some((Row::Bottom, _)) => last,
            None => {
                // What the slots leave over stands above and below in equal parts.
                let over = (self.area.end - self.area.start) - block.slot * self.blocks.len() as u32;
                let start = self.area.start + over / 2 + index as u32 * block.slot;
                let row = i64::from(start) + (i64::from(block.slot) - i64::from(height)).div_euclid(2);
                (row.max(1) as u32).min(last)
            }
        };

        let per_token = columns(block.size);
        let lead = |tokens: &[u16]| u32::from(tokens.first().is_some_and(|&token| sides(token)[0]));
        let trail = |tokens: &[u16]| u32::from(tokens.last().is_some_and(|&token| sides(token)[1]));
        // A blank is half a token wide: half a cell if small.
        let whole = |blanks: u32| blanks * per_token / 2;
        let indent = lines.iter().map(|tokens| whole(lead(tokens))).max().unwrap_or(0);
        let column = |tokens: &[u16]| {
            let width = tokens.len() as u32 * per_token;
            match block.side() {
                Side::Left => {
                    let end = self.first + self.width(block);
                    (self.first + indent - whole(lead(tokens))).min(end.saturating_sub(width)).max(self.first)
                }
                Side::Right => {
                    // A blank at the end may stand in the last column, but not in a frame.
                    let trail = whole(trail(tokens)).min(2 - self.first);
                    (self.tw - 1 + trail).saturating_sub(width).max(self.first)
                }
                Side::Center => {
                    let free = 2 * (self.tw - width) + per_token * trail(tokens) + 2;
                    (free.saturating_sub(per_token * lead(tokens)) / 4).max(self.first)
                }
            }
        };
        let lines = lines
            .into_iter()
            .map(|tokens| {
                let column = column(&tokens);
                (tokens, column)
            })
            .collect();
        let block = &mut self.blocks[index];
        (block.row, block.lines) = (row, lines);
        Ok(())
    }

    /// Makes texts smaller, then moves them, until none shares a cell with another.
    fn settle(&mut self) -> Result<(), Rejected> {
        for _ in 0..40 {
            let pairs = (0..self.blocks.len())
                .flat_map(|one| (one + 1..self.blocks.len()).map(move |two| (one, two)));
            let Some((one, two)) = pairs.into_iter().find(|&(one, two)| self.collide(one, two)) else {
                return Ok(());
            };
            let (first, second) = (&self.blocks[one], &self.blocks[two]);
            if first.size != Size::Small || second.size != Size::Small {
                let key = |block: &Block| (std::cmp::Reverse(block.size), block.height());
                let larger = if key(first) > key(second) { one } else { two };
                let size = self.blocks[larger].size;
                self.blocks[larger].size = if size == Size::Large { Size::Medium } else { Size::Small };
                self.arrange(larger)?;
                continue;
            }
            let (upper, lower) = if first.row <= second.row { (one, two) } else { (two, one) };
            let below = self.blocks[upper].row + self.blocks[upper].height();
            if below + self.blocks[lower].height() < self.th {
                self.blocks[lower].row = below;
                self.blocks[lower].moved = true;
            } else {
                let above = self.blocks[lower].row.checked_sub(self.blocks[upper].height());
                self.blocks[upper].row = above.filter(|&row| row >= 1).ok_or(Rejected::Collision)?;
                self.blocks[upper].moved = true;
            }
        }
        Err(Rejected::Collision)
    }

    /// Whether two blocks share a cell, marks included.
    fn collide(&self, one: usize, two: usize) -> bool {
        let boxes = |index: usize| {
            let block = &self.blocks[index];
            let high = rows(block.size);
            block.lines.iter().enumerate().map(move |(place, (tokens, column))| {
                let row = block.row + place as u32 * high;
                let width = tokens.len() as u32 * columns(block.size);
                (row..row + high, column - 1..column + width)
            })
        };
        let apart = |one: &Range<u32>, two: &Range<u32>| one.end <= two.start || two.end <= one.start;
        boxes(one).any(|(row, column)| {
            boxes(two).any(|(other, columns)| !apart(&row, &other) && !apart(&column, &columns))
        })
    }
}

/// Finds places for the decorations.
fn decorate(layout: &mut Layout, brief: &Brief) -> Result<(), Rejected> {
    if brief.adornments.is_empty() {
        return Ok(());
    }
    let said = brief.adornments.iter().find_map(|item| item.ink);
    let ink_of = |item: &Adornment| item.ink.or(said).unwrap_or(default_ink(layout.ground));
    for item in &brief.adornments {
        readable(ink_of(item), layout.ground, 1.3)?;
    }

    let (th, tw) = (layout.th, layout.tw);
    let mut taken = vec![false; (th * tw) as usize];
    let mut mark = |rows: Range<u32>, columns: Range<u32>| {
        for row in rows {
            for column in columns.clone() {
                taken[(row * tw + column) as usize] = true;
            }
        }
    };
    for line in &layout.lines {
        let width = line.tokens.len() as u32 * columns(line.size);
        mark(line.row..line.row + rows(line.size), line.column - 1..line.column + width);
    }
    let framed = brief.adornments.iter().any(|item| item.kind == Kind::Frame);
    if framed {
        for (rows, columns) in [(0..1, 0..tw), (th - 1..th, 0..tw), (0..th, 0..1), (0..th, tw - 1..tw)] {
            mark(rows, columns);
        }
    }
    let inset = u32::from(framed);
    let start = 1 + inset;
    let first: Vec<&Line> = layout.lines.iter().filter(|line| line.text == 0).collect();
    let above = first.first().map(|line| line.row);
    let below = first.last().map(|line| line.row + rows(line.size));
    let empty = layout.lines.is_empty();

    let mut decorations = Vec::with_capacity(brief.adornments.len());
    for item in &brief.adornments {
        let (kind, ink, place) = (item.kind, ink_of(item), item.place);
        if kind == Kind::Frame {
            if decorations.iter().any(|placed: &Placed| placed.kind == Kind::Frame) {
                return Err(Rejected::Room(kind.name()));
            }
            decorations.push(Placed { kind, ink, row: 0, column: 0 });
            continue;
        }
        let icon = is_icon(kind);
        let (high, wide) = if icon { (2, 2) } else { (1, tw - 1 - start) };
        // The cell to the left says the ink.
        let free = |row: u32, column: u32| {
            row + high <= th
                && column + wide <= tw
                && (row..row + high)
                    .all(|row| (column - 1..column + wide).all(|column| !taken[(row * tw + column) as usize]))
        };
        let row_of = |row: Row| {
            let at = |share: f64| (share * f64::from(th) - f64::from(high) / 2.).round() as u32;
            match row {
                Row::Top if icon => 1,
                Row::Top => inset,
                Row::UpperMiddle => at(0.30),
                Row::Center => (th - high) / 2,
                Row::LowerMiddle => at(0.70),
                Row::Bottom if icon => th - 1 - high,
                Row::Bottom => th - 1 - inset,
            }
        };
        let column_of = |side: Side| match side {
            _ if !icon => start,
            Side::Left => start,
            Side::Center => (tw - wide) / 2,
            Side::Right => tw - 1 - wide,
        };
        let tries: Vec<(u32, u32)> = match place {
            Some((row, side)) if !(icon && row == Row::Center && !empty) => {
                let row = i64::from(row_of(row));
                let near = [0, 1, -1, 2, -2, 3, -3].map(|step| row + step);
                near.iter().filter_map(|&row| Some((u32::try_from(row).ok()?, column_of(side)))).collect()
            }
            _ if icon && empty => vec![(row_of(Row::Center), column_of(Side::Center))],
            _ if icon => [
                (Row::Top, Side::Center),
                (Row::Bottom, Side::Center),
                (Row::Top, Side::Right),
                (Row::Top, Side::Left),
                (Row::Bottom, Side::Right),
                (Row::Bottom, Side::Left),
            ]
            .map(|(row, side)| (row_of(row), column_of(side)))
            .to_vec(),
            _ if kind == Kind::Rule => {
                let rows = [below, above.and_then(|row| row.checked_sub(1)), Some(row_of(Row::Center))];
                rows.into_iter().flatten().map(|row| (row, start)).collect()
            }
            _ => [Row::Bottom, Row::Top].map(|row| (row_of(row), start)).to_vec(),
        };
        let place = tries.into_iter().find(|&(row, column)| free(row, column));
        let (row, column) = place.ok_or(Rejected::Room(kind.name()))?;
        for row in row..row + high {
            for column in column - 1..column + wide {
                taken[(row * tw + column) as usize] = true;
            }
        }
        decorations.push(Placed { kind, ink, row, column });
    }
    layout.decorations = decorations;
    Ok(())
}

impl Layout {
    /// Whether the draft can say it.
    fn check(&self) -> Result<(), Rejected> {
        let entries = self.lines.len() + self.decorations.len();
        let full = self.lines.iter().all(|line| line.tokens.len() as u32 + 3 == self.pw);
        if entries > self.ph as usize || (entries == self.ph as usize && full && self.decorations.is_empty())
        {
            return Err(Rejected::Draft);
        }
        let lines = self.lines.iter().map(|line| (line.row, line.column));
        let places = lines.chain(self.decorations.iter().map(|placed| (placed.row, placed.column)));
        for (draft, (row, column)) in places.enumerate() {
            let (down, right) = (row as i32 - draft as i32, column as i32 - 1);
            if !(DOWN_FIRST..=DOWN_LAST).contains(&down) || !(RIGHT_FIRST..=RIGHT_LAST).contains(&right) {
                return Err(Rejected::Draft);
            }
        }
        Ok(())
    }

    /// The draft: one row of codes for every line and every decoration.
    ///
    /// # Shapes
    /// `[ph, pw]`
    pub fn draft(&self) -> Vec<u16> {
        let mut draft = vec![number(Code::Ground(self.ground)); (self.ph * self.pw) as usize];
        let steps = |index: usize, row: u32, column: u32| {
            [Code::Down((row as i32 - index as i32) as i8), Code::Right((column as i32 - 1) as i8)]
                .map(number)
        };
        let mut codes: Vec<Vec<u16>> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let head = [number(Code::Head(line.size, line.ink, line.face))];
            codes.push([&head[..], &line.tokens, &steps(index, line.row, line.column)].concat());
        }
        for placed in &self.decorations {
            let head = [Code::Accent(placed.ink), Code::Adorn(placed.kind)].map(number);
            codes.push([head, steps(codes.len(), placed.row, placed.column)].concat());
        }
        for (row, codes) in draft.chunks_exact_mut(self.pw as usize).zip(&codes) {
            for (cell, &code) in row.iter_mut().zip(codes) {
                *cell = code;
            }
        }
        draft
    }

    /// The large grid.
    ///
    /// # Shapes
    /// `[th, tw]`
    pub fn grid(&self) -> Vec<u16> {
        let (th, tw) = (self.th, self.tw);
        let mut grid = vec![number(Code::Ground(self.ground)); (th * tw) as usize];
        let mut put = |row: u32, column: u32, code: u16| {
            if row < th
                && column < tw
                && let Some(cell) = grid.get_mut((row * tw + column) as usize)
            {
                *cell = code;
            }
        };
        for placed in &self.decorations {
            let piece = |part: u8| number(Code::Piece(placed.kind, part));
            let high = if is_icon(placed.kind) { 2 } else { 1 };
            for row in (placed.row..placed.row + high).filter(|_| placed.kind != Kind::Frame) {
                put(row, placed.column.saturating_sub(1), number(Code::Accent(placed.ink)));
            }
            match placed.kind {
                Kind::Frame => {
                    for column in 1..tw - 1 {
                        put(0, column, piece(3));
                        put(th - 1, column, piece(FRAME_PIECES - 1));
                    }
                    for row in 1..th - 1 {
                        put(row, 0, piece(4));
                        put(row, tw - 1, piece(5));
                    }
                    put(0, 0, number(Code::FrameCorner(placed.ink)));
                    put(0, tw - 1, piece(0));
                    put(th - 1, 0, piece(1));
                    put(th - 1, tw - 1, piece(2));
                }
                Kind::Rule => {
                    for column in placed.column..tw - 1 {
                        let part = if column == placed.column { 0 } else { 1 + u8::from(column == tw - 2) };
                        put(placed.row, column, piece(part));
                    }
                }
                Kind::Stripes | Kind::Dots => {
                    for column in placed.column..tw - 1 {
                        put(placed.row, column, piece(0));
                    }
                }
                _ => {
                    for part in 0..4 {
                        put(placed.row + part / 2, placed.column + part % 2, piece(part as u8));
                    }
                }
            }
        }
        for line in &self.lines {
            let mark = number(Code::Mark(line.ink, line.face));
            for row in 0..rows(line.size) {
                put(line.row + row, line.column - 1, mark);
            }
            for (place, &token) in line.tokens.iter().enumerate() {
                let column = line.column + place as u32 * columns(line.size);
                if line.size == Size::Small {
                    put(line.row, column, token);
                    continue;
                }
                let half = columns(line.size) / 2;
                for (side, character) in shown(u32::from(token)).into_iter().flatten().enumerate() {
                    let Some(character) = character.filter(|&character| character != ' ') else { continue };
                    for part in 0..half * rows(line.size) {
                        let code = if line.size == Size::Medium {
                            Code::Medium(character, part as u8)
                        } else {
                            Code::Large(character, part as u8)
                        };
                        put(line.row + part / half, column + side as u32 * half + part % half, number(code));
                    }
                }
            }
        }
        grid
    }

    /// The cells of every word, as places in the large grid, word by word.
    pub fn words(&self) -> Vec<Vec<u16>> {
        let mut words = Vec::new();
        for line in &self.lines {
            let half = columns(line.size).div_ceil(2);
            let mut word: Vec<u16> = Vec::new();
            for (place, &token) in line.tokens.iter().enumerate() {
                let column = line.column + place as u32 * columns(line.size);
                for (side, character) in shown(u32::from(token)).into_iter().flatten().enumerate() {
                    let Some(character) = character else { continue };
                    if character == ' ' {
                        words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                        continue;
                    }
                    let left = if line.size == Size::Small { column } else { column + side as u32 * half };
                    for row in 0..rows(line.size) {
                        for column in left..left + half {
                            let cell = ((line.row + row) * self.tw + column) as u16;
                            if !word.contains(&cell) {
                                word.push(cell);
                            }
                        }
                    }
                }
            }
            words.extend((!word.is_empty()).then_some(word));
        }
        words
    }

    /// The layout that a draft describes; nothing but the draft and the sizes is needed. What is not a draft gives what can
    /// be understood of it.
    pub fn of_draft(draft: &[u16], [th, tw]: [u32; 2], [ph, pw]: [u32; 2]) -> Self {
        let mut layout =
            Self { th, tw, ph, pw, ground: Ink::Cream, lines: Vec::new(), decorations: Vec::new() };
        let mut grounds = draft.iter().rev().filter_map(|&code| match CODES.code(code) {
            Some(Code::Ground(ink)) => Some(ink),
            _ => None,
        });
        if let Some(ground) = grounds.next() {
            layout.ground = ground;
        }
        for (index, row) in draft.chunks_exact(pw.max(1) as usize).enumerate() {
            let codes: Vec<Code> = row.iter().filter_map(|&code| CODES.code(code)).collect();
            let down = codes.iter().find_map(|code| match code {
                Code::Down(steps) => Some(index as i32 + i32::from(*steps)),
                _ => None,
            });
            let right = codes.iter().find_map(|code| match code {
                Code::Right(steps) => Some(1 + i32::from(*steps)),
                _ => None,
            });
            let (Some(Ok(row_of)), Some(Ok(column))) = (down.map(u32::try_from), right.map(u32::try_from))
            else {
                continue;
            };
            match (codes.first(), codes.get(1)) {
                (Some(&Code::Head(size, ink, face)), _) if column >= 1 => {
                    let tokens = row[1..].iter().copied();
                    let tokens = tokens.take_while(|&token| shown(u32::from(token)).is_some()).collect();
                    let text = layout.lines.len();
                    layout.lines.push(Line { text, row: row_of, column, size, ink, face, tokens });
                }
                (Some(&Code::Accent(ink)), Some(&Code::Adorn(kind))) => {
                    layout.decorations.push(Placed { kind, ink, row: row_of, column });
                }
                _ => {}
            }
        }
        layout
    }
}

/// The large grid that a draft describes.
///
/// # Shapes
/// `draft` is `[ph, pw]`, the result `[th, tw]`.
pub fn grid_of_draft(draft: &[u16], large: [u32; 2], small: [u32; 2]) -> Vec<u16> {
    Layout::of_draft(draft, large, small).grid()
}

fn number(code: Code) -> u16 {
    CODES.number(code).unwrap_or_default()
}
