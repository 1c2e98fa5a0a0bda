use atelier::glyph_encoder::GlyphEncoder;
use atelier::prompt::{glyph_texts, glyph_tokens};
use atelier::{Device, Trace};

use super::read;
use crate::traced::assert_traced;
use crate::{Golden, load, tiny_checkpoint};

fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let encoder: GlyphEncoder = load(&tiny_checkpoint(), device);
    let trace = Trace::default();
    let tokens = glyph_tokens(&glyph_texts(golden.entry.prompt()));
    trace.sync_scope(|| encoder.forward(&tokens, device));
    let required =
        ["input_ids", "attention_mask", "block0_out", "block1_out", "last_hidden_state", "glyph_embeds"];
    assert_traced(&golden, &read(trace), &required);
}

pub fn t2i_a(device: &Device) {
    check("glyph_t2i_a", device);
}

pub fn t2i_b(device: &Device) {
    check("glyph_t2i_b", device);
}

pub fn t2i_c(device: &Device) {
    check("glyph_t2i_c", device);
}

pub fn negative(device: &Device) {
    check("glyph_negative", device);
}
