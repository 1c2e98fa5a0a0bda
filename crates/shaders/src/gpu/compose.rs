//! A kernel's text, put together: its imports, the variant of each, and constants that are chosen at run time.

use std::borrow::Cow;

use crate::wgsl::{MODULES, Module, Source};

/// What is imported where nothing else is chosen: what every device can do.
const PLAIN: [(&str, &str); 5] =
    [("cache", "f32"), ("cache_row", "f32"), ("number", "f32"), ("sum", "workgroup"), ("x_tile", "f32")];

/// A kernel in one variant.
///
/// In a text, `#import sum` stands for a file of `wgsl/common/sum`, `#import sum::workgroup` for this one, and
/// `#import columns` for `wgsl/common/columns.wgsl`.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    pub source: &'static Source,
    choices: Vec<(&'static str, &'static str)>,
    constants: Vec<(&'static str, u32)>,
    /// Floating-point operations, where they are not in proportion to what it writes.
    pub(super) operations: Option<f64>,
}

/// What tells a kernel from others, for the cache of compiled kernels.
pub(super) type Id = (&'static str, Vec<(&'static str, &'static str)>, Vec<(&'static str, u32)>);

impl Kernel {
    /// In its plain form.
    pub fn new(source: &'static Source) -> Self {
        Self { source, choices: Vec::new(), constants: Vec::new(), operations: None }
    }

    /// A kernel that gives a row of `width` to each workgroup, with no more invocations than have something to do.
    pub fn row_reduce(source: &'static Source, width: usize) -> Self {
        let kernel = Self::new(source);
        if width <= 256 { kernel.set("WORKGROUP", 64) } else { kernel }
    }

    /// Which file an import stands for.
    pub fn choose(mut self, import: &'static str, choice: &'static str) -> Self {
        self.choices.push((import, choice));
        self
    }

    /// Gives another value to a constant that is written out.
    pub fn set(mut self, constant: &'static str, value: u32) -> Self {
        self.constants.push((constant, value));
        self
    }

    /// The floating-point operations of all its workgroups together.
    pub fn with_operations(self, operations: f64) -> Self {
        Self { operations: Some(operations), ..self }
    }

    /// The value of a constant of its own text.
    pub fn constant(&self, name: &str) -> Option<u32> {
        let all = self.constants.iter().rev().chain(self.source.constants);
        all.into_iter().find(|(constant, _)| *constant == name).map(|(_, value)| *value)
    }

    pub fn id(&self) -> Id {
        (self.source.name, self.choices.clone(), self.constants.clone())
    }

    /// All of it. For a browser some lines are needed that naga does not know, and the other way round.
    pub fn text(&self, browser: bool) -> String {
        let mut modules = Vec::new();
        self.collect(self.source.imports, &mut modules);
        let texts = modules.iter().map(|module| module.text).chain([self.source.text]);
        let (mut directives, mut code) = (Vec::new(), String::new());
        for line in texts.flat_map(str::lines) {
            if line.starts_with("enable ") || line.starts_with("requires ") {
                // naga takes subgroups without asking, and does not know the word.
                if !directives.contains(&line) && (browser || line != "enable subgroups;") {
                    directives.push(line);
                }
            } else if !line.starts_with("#import ") {
                code += &self.specialised(line);
                code += "\n";
            }
        }
        directives.iter().map(|line| format!("{line}\n")).collect::<String>() + &code
    }

    /// The modules behind these imports, each once.
    fn collect(&self, imports: &[&str], modules: &mut Vec<&'static Module>) {
        for import in imports {
            let (name, fixed) = import.split_once("::").unwrap_or((import, ""));
            let chosen = self.choices.iter().rev().chain(&PLAIN).find(|(import, _)| *import == name);
            let choice = if fixed.is_empty() { chosen.map_or("", |(_, choice)| choice) } else { fixed };
            let module = MODULES.iter().find(|module| module.name == name && module.choice == choice);
            debug_assert!(module.is_some(), "{}: no module {name} {choice}", self.source.name);
            if let Some(module) =
                module.filter(|found| modules.iter().all(|module| !std::ptr::eq(*module, *found)))
            {
                modules.push(module);
                self.collect(module.imports, modules);
            }
        }
    }

    /// A line with the value that its constant was given.
    fn specialised<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let set = self.constants.iter().rev().find(|(name, _)| {
            line.strip_prefix("const ")
                .and_then(|line| line.strip_prefix(name))
                .is_some_and(|line| line.starts_with(':'))
        });
        set.map_or(line.into(), |(name, value)| format!("const {name}: u32 = {value}u;").into())
    }
}
