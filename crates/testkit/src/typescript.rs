use std::fmt::Write;

use documented::DocumentedFields;
use ts_rs::{Config, TS};

/// A file of `web/src/generated`: TypeScript that is written from Rust.
///
/// Objects become interfaces whose fields cannot be assigned, doc comments come along without their links, and 64-bit integers
/// are numbers, as JSON has them. What comes out is laid out as `npm run format` would.
pub struct TypeScript {
    text: String,
}

impl TypeScript {
    /// An empty file about the package under test.
    pub fn of(package: &str) -> Self {
        Self {
            text: format!(
                "// Written from the Rust types of `{package}` by its tests; `SNAPSHOTS=overwrite cargo xtask check` renews it.\n"
            ),
        }
    }

    /// Adds a constant that JSON can express.
    #[must_use]
    pub fn constant(mut self, name: &str, doc: &str, value: impl Into<serde_json::Value>) -> Self {
        write!(self.text, "\n/** {doc} */\nexport const {name} = {};\n", value.into()).unwrap();
        self
    }

    /// Adds the type of a struct.
    #[must_use]
    pub fn declare<T: TS>(self) -> Self {
        self.add::<T>(&[])
    }

    /// Adds the type of an enum, with the docs of its variants.
    #[must_use]
    pub fn variants<T: TS + DocumentedFields>(self) -> Self {
        self.add::<T>(T::FIELD_DOCS)
    }

    fn add<T: TS>(mut self, variants: &[&str]) -> Self {
        let config = Config::new().with_large_int("number");
        let (name, body) = (T::name(&config), T::inline(&config));
        let docs = T::docs().map(|docs| doc(&docs, "")).unwrap_or_default();
        let mut printer = Printer { rest: body.trim(), out: String::new(), open: Vec::new() };
        if variants.is_empty() {
            printer.print();
            write!(self.text, "\n{docs}export interface {name} {}\n", printer.out.trim()).unwrap();
        } else {
            for variant in variants {
                printer.out += "\n";
                printer.out += &doc(variant, "  ");
                printer.out += "  | ";
                printer.open.push('|');
                printer.print();
                printer.open.pop();
            }
            assert!(printer.rest.is_empty(), "{name}: more variants than docs: {}", printer.rest);
            write!(self.text, "\n{docs}export type {name} ={};\n", printer.out).unwrap();
        }
        self
    }

    /// Compares the file with the committed one, or writes it.
    #[track_caller]
    pub fn assert(&self, name: &str) {
        crate::assert_generated(&format!("web/src/generated/{name}"), &self.text);
    }
}

/// Lays out what ts-rs writes on one line.
struct Printer<'a> {
    rest: &'a str,
    out: String,
    /// The brackets around what comes next; `|` stands for a variant.
    open: Vec<char>,
}

impl Printer<'_> {
    /// Prints all of the type, or of a variant.
    fn print(&mut self) {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '|' if self.open.last() == Some(&'|') => {
                    self.rest = self.rest[1..].trim_start();
                    break;
                }
                '"' => {
                    let (text, _) = self.rest[1..].split_once('"').expect("a closing quote");
                    let text = &self.rest[..text.len() + 2];
                    let is_key = self.rest[text.len()..].starts_with(':');
                    self.out += if is_key { text.trim_matches('"') } else { text };
                    self.rest = &self.rest[text.len()..];
                    continue;
                }
                '{' => {
                    self.out.push('{');
                    self.open.push('{');
                    self.member();
                    continue;
                }
                ',' if self.open.last() == Some(&'{') => {
                    self.out.push(';');
                    self.member();
                    continue;
                }
                '}' => {
                    self.open.pop();
                    // ts-rs has no comma after the only field.
                    let closed = self.out.trim_end().len();
                    self.out.truncate(closed);
                    if !self.out.ends_with(';') {
                        self.out.push(';');
                    }
                    self.out += &format!("\n{}}}", self.indent());
                }
                '[' | '<' => {
                    self.out += if next == '[' { "readonly [" } else { "<" };
                    self.open.push(next);
                }
                ']' | '>' => {
                    self.open.pop();
                    self.out.push(next);
                }
                _ => match self.rest.strip_prefix("Array<") {
                    Some(rest) if !self.out.ends_with(char::is_alphanumeric) => {
                        self.rest = rest;
                        self.out += "ReadonlyArray<";
                        self.open.push('<');
                        continue;
                    }
                    _ => self.out.push(next),
                },
            }
            self.rest = &self.rest[next.len_utf8()..];
        }
        let end = self.out.trim_end().len();
        self.out.truncate(end);
    }

    /// After `{` or `,`: the comment of the next field, and what stands before its name.
    fn member(&mut self) {
        self.rest = self.rest[1..].trim_start();
        let indent = self.indent();
        if let Some((comment, rest)) = self.rest.split_once("*/").filter(|_| self.rest.starts_with("/*")) {
            self.out += &format!("\n{}", doc(comment, &indent).trim_end());
            self.rest = rest.trim_start();
        }
        if !self.rest.starts_with('}') {
            self.out += &format!("\n{indent}readonly ");
        }
    }

    fn indent(&self) -> String {
        let steps = self.open.iter().map(|bracket| match bracket {
            '{' => 1,
            '|' => 2,
            _ => 0,
        });
        "  ".repeat(steps.sum())
    }
}

/// A comment as TypeScript has it, from the text of one.
fn doc(text: &str, indent: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim().trim_start_matches("/**").trim_end_matches("*/").trim();
        unlinked(line.strip_prefix('*').unwrap_or(line).trim())
    });
    let lines: Vec<String> = lines.collect();
    let first = lines.iter().position(|line| !line.is_empty());
    let last = lines.iter().rposition(|line| !line.is_empty());
    let Some((first, last)) = first.zip(last) else { return String::new() };
    match &lines[first..=last] {
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let lines: String =
                lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
    }
}

/// The text of a line whose links lead to Rust.
fn unlinked(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text += before;
        let (label, behind) = after.split_once(']').unwrap_or((after, ""));
        let target = behind.strip_prefix('(').and_then(|target| target.split_once(')'));
        match target {
            Some((_, behind)) => {
                text += label;
                rest = behind;
            }
            None if label.starts_with('`') => {
                text += label;
                rest = behind;
            }
            None => {
                text.push('[');
                rest = after;
            }
        }
    }
    text + rest
}
