//! The marks and words that the reading of quotation marks knows.

/// Opening marks and those that close them, in the order in which texts are listed: the reference's come first.
pub const KINDS: [(char, &[char]); 28] = [
    ('\'', &['\'']),
    ('“', &['”']),
    ('"', &['"']),
    ('「', &['」']),
    ('„', &['“', '”', '"']),
    ('‚', &['‘', '’']),
    ('»', &['«', '»']),
    ('›', &['‹', '›']),
    ('‘', &['’']),
    ('«', &['»']),
    ('‹', &['›']),
    ('『', &['』']),
    ('”', &['”']),
    ('＂', &['＂']),
    ('＇', &['＇']),
    ('〝', &['〞', '〟']),
    ('’', &['’']),
    ('‟', &['”']),
    ('‛', &['’']),
    ('❝', &['❞']),
    ('❛', &['❜']),
    ('﹁', &['﹂']),
    ('﹃', &['﹄']),
    ('｢', &['｣']),
    ('״', &['״']),
    ('׳', &['׳']),
    ('″', &['″']),
    ('′', &['′']),
];
/// How many of them the reference knows.
pub const REFERENCE: usize = 4;
/// Those that close with a mark that opens another kind are looked for first.
pub const CLOSING_OTHERS: std::ops::Range<usize> = REFERENCE..8;
/// Kinds that lie in each other, of which the outermost is a text.
pub const NESTED: [char; 8] = ['«', '‹', '『', '❝', '❛', '﹁', '﹃', '｢'];
/// Marks that open and close: a gap before the closing one, or behind the opening one, is no text.
pub const BOTH_WAYS: [char; 4] = ['»', '›', '”', '’'];
/// Marks that have no other meaning where they open a text and nothing closes it.
pub const ALONE: [char; 7] = ['\'', '"', '＂', '＇', '״', '″', '′'];
/// Pairs whose absence a writer would not see.
pub const PAIRS: [(char, char); 13] = [
    ('“', '”'),
    ('「', '」'),
    ('„', '“'),
    ('『', '』'),
    ('‘', '’'),
    ('«', '»'),
    ('‹', '›'),
    ('〝', '〞'),
    ('❝', '❞'),
    ('❛', '❜'),
    ('﹁', '﹂'),
    ('﹃', '﹄'),
    ('｢', '｣'),
];
/// Marks around what somebody may want to be spelled, but that often mean something else.
pub const UNKNOWN: [(char, char); 8] =
    [('`', '`'), ('´', '´'), ('《', '》'), ('〈', '〉'), ('【', '】'), ('〖', '〗'), ('⟪', '⟫'), ('⟨', '⟩')];

/// Words that lost their beginning: an apostrophe before one opens nothing.
pub const ELIDED: [&str; 14] = [
    "n", "tis", "twas", "twere", "twill", "til", "till", "em", "cause", "cuz", "round", "bout", "neath",
    "tude",
];
/// Words that lost their end.
pub const CUT: [&str; 9] = ["n", "o", "an", "ol", "lil", "po", "mo", "th", "wi"];
/// Words before a 'n' that means *and*.
pub const BEFORE_N: [&str; 10] =
    ["rock", "drum", "guns", "fish", "mac", "salt", "surf", "rhythm", "hook", "bread"];
/// What follows the apostrophe of a word, beside single letters.
pub const ENDINGS: [&str; 4] = ["ll", "re", "ve", "em"];
/// Words that announce a text: an apostrophe that joins them to the next word opens one.
pub const SAYING: [&str; 13] = [
    "say", "says", "saying", "read", "reads", "reading", "text", "word", "words", "letter", "letters",
    "titled", "called",
];
