//! From a prompt to what the architect and the glyph encoder read: token ids, grids, positions, glyph texts.

mod glyph_text;
mod grid;
pub mod positions;
mod quotes;
mod template;
mod tokenizer;

pub use glyph_text::{GlyphTokens, glyph_texts, glyph_tokens};
pub(crate) use grid::check_side;
pub use grid::{Grid, TargetGrids, check_size, upsample_codes};
pub use positions::{Position, decode_positions, prompt_positions};
pub use quotes::{QuoteRule, spelled};
pub use template::{EncodedPrompt, SpecialTokens, encode_prompt, resolve_sources};
pub use tokenizer::PromptTokenizer;
