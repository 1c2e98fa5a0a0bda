//! Sentences: a description into a prompt, and back.
//!
//! [`parse`] reads what [`prompt`] writes, from the same tables; the full stop may be missing.

use super::description::{Carrier, Colour, Description, Lead, Phrase, Quote, Region, Role, Row, Side, Size};

/// The prompt of a description.
pub fn prompt(description: &Description) -> String {
    let (carrier, background) = (description.carrier.name(), description.background.name());
    let mut prompt = match description.lead {
        Lead::With => format!("A {background} {carrier} with "),
        Lead::On => format!("{} on a {background} background: ", capitalised(carrier)),
        Lead::Simple => format!("A simple {carrier}, {background} background, showing "),
    };
    let last = description.regions.len().saturating_sub(1);
    for (index, region) in description.regions.iter().enumerate() {
        if index > 0 {
            prompt.push_str(if index == last { " and " } else { ", " });
        }
        prompt.push_str(&phrase(region));
    }
    prompt.push('.');
    prompt
}

fn phrase(region: &Region) -> String {
    let (open, close) = region.quote.marks();
    let quoted = format!("{open}{}{close}", region.text);
    let (size, colour) = (region.size.name(), region.colour.name());
    let place = place(region.row, region.side);
    match region.phrase {
        Phrase::At => format!("{quoted} at the {place} in {colour}, {size}"),
        Phrase::Letters => format!("{quoted} in {size} {colour} letters at the {place}"),
        Phrase::Text => format!("the {size} {colour} text {quoted} at the {place}"),
        Phrase::Role(role) => {
            let side = match region.side {
                Side::Center => String::new(),
                side => format!(" on the {}", side.name()),
            };
            format!("a {size} {colour} {} that says {quoted}{side}", role.name())
        }
        Phrase::RoleLetters(role) => {
            format!("the {} {quoted} in {size} {colour} letters at the {place}", role.name())
        }
        Phrase::InText => format!("{quoted} in {size} {colour} text at the {place}"),
    }
}

fn place(row: Row, side: Side) -> String {
    match side {
        Side::Center => row.name().to_owned(),
        side => format!("{} {}", row.name(), side.name()),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The description behind a prompt of these sentence families, or `None` for any other text.
pub fn parse(prompt: &str) -> Option<Description> {
    let mut reader = Reader(prompt);
    let (lead, carrier, background) = reader.lead()?;
    let mut regions = vec![reader.region()?];
    while reader.skip(", ") {
        regions.push(reader.region()?);
    }
    if reader.skip(" and ") {
        regions.push(reader.region()?);
    }
    matches!(reader.0, "." | "").then_some(Description { carrier, lead, background, regions })
}

/// What is left to read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    /// Steps over `text` if it comes next.
    fn skip(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.skip(text).then_some(())
    }

    /// The item of `items` whose name comes next.
    fn one<T: Copy>(&mut self, items: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
        items.iter().copied().find(|item| self.skip(name(*item)))
    }

    fn colour(&mut self) -> Option<Colour> {
        self.one(Colour::ALL, Colour::name)
    }

    fn size(&mut self) -> Option<Size> {
        self.one(Size::ALL, Size::name)
    }

    fn lead(&mut self) -> Option<(Lead, Carrier, Colour)> {
        if self.skip("A simple ") {
            let carrier = self.one(Carrier::ALL, Carrier::name)?;
            self.expect(", ")?;
            let background = self.colour()?;
            self.expect(" background, showing ")?;
            return Some((Lead::Simple, carrier, background));
        }
        if self.skip("A ") {
            let background = self.colour()?;
            self.expect(" ")?;
            let carrier = self.one(Carrier::ALL, Carrier::name)?;
            self.expect(" with ")?;
            return Some((Lead::With, carrier, background));
        }
        let carrier = Carrier::ALL.iter().copied().find(|carrier| self.skip(&capitalised(carrier.name())))?;
        self.expect(" on a ")?;
        let background = self.colour()?;
        self.expect(" background: ")?;
        Some((Lead::On, carrier, background))
    }

    fn quoted(&mut self) -> Option<(Quote, &'a str)> {
        Quote::ALL.iter().find_map(|quote| {
            let (open, close) = quote.marks();
            let (text, rest) = self.0.strip_prefix(open)?.split_once(close)?;
            self.0 = rest;
            Some((*quote, text))
        })
    }

    fn place(&mut self) -> Option<(Row, Side)> {
        self.expect(" at the ")?;
        let row = self.one(Row::ALL, Row::name)?;
        let side = if self.skip(" left") {
            Side::Left
        } else if self.skip(" right") {
            Side::Right
        } else {
            Side::Center
        };
        Some((row, side))
    }

    fn look(&mut self) -> Option<(Size, Colour)> {
        let size = self.size()?;
        self.expect(" ")?;
        Some((size, self.colour()?))
    }

    fn region(&mut self) -> Option<Region> {
        if self.skip("a ") {
            let (size, colour) = self.look()?;
            self.expect(" ")?;
            let role = self.one(Role::ALL, Role::name)?;
            self.expect(" that says ")?;
            let (quote, text) = self.quoted()?;
            let side = if self.skip(" on the left") {
                Side::Left
            } else if self.skip(" on the right") {
                Side::Right
            } else {
                Side::Center
            };
            let (text, row, phrase) = (text.to_owned(), role.row(), Phrase::Role(role));
            return Some(Region { text, row, side, size, colour, phrase, quote });
        }
        if self.skip("the ") {
            if let Some(role) = self.one(Role::ALL, Role::name) {
                self.expect(" ")?;
                let (quote, text) = self.quoted()?;
                return self.letters(text, quote, " letters", Phrase::RoleLetters(role));
            }
            let (size, colour) = self.look()?;
            self.expect(" text ")?;
            let (quote, text) = self.quoted()?;
            let (row, side) = self.place()?;
            let text = text.to_owned();
            return Some(Region { text, row, side, size, colour, phrase: Phrase::Text, quote });
        }
        let (quote, text) = self.quoted()?;
        if !self.0.starts_with(" at the ") {
            let before = self.0;
            return self.letters(text, quote, " letters", Phrase::Letters).or_else(|| {
                self.0 = before;
                self.letters(text, quote, " text", Phrase::InText)
            });
        }
        let (row, side) = self.place()?;
        self.expect(" in ")?;
        let colour = self.colour()?;
        self.expect(", ")?;
        let (size, text) = (self.size()?, text.to_owned());
        Some(Region { text, row, side, size, colour, phrase: Phrase::At, quote })
    }

    /// " in large black letters at the top"
    fn letters(&mut self, text: &str, quote: Quote, noun: &str, phrase: Phrase) -> Option<Region> {
        self.expect(" in ")?;
        let (size, colour) = self.look()?;
        self.expect(noun)?;
        let (row, side) = self.place()?;
        Some(Region { text: text.to_owned(), row, side, size, colour, phrase, quote })
    }
}
