//! How much work a token or a step is.

use atelier::checkpoint::Checkpoint;
use atelier::inventory::read_by;
use atelier::{PreparedPrompt, Stage};
use atelier_weights::Stored;

/// Bytes of weights that a token reads: everything of the architect but its table of ids, of which it reads one row.
pub fn bytes_of_token(checkpoint: &Checkpoint) -> u64 {
    let read = read_by(checkpoint.config(), Stage::Architect);
    let read = read.filter(|(_, entry)| !entry.name.contains("embed_tokens"));
    // A checkpoint's weights are f32 on the device, a pack's as they are.
    let bytes = |stored: &Stored| {
        let numbers: usize = stored.shape.iter().product();
        if checkpoint.is_pack() { stored.bytes() } else { 4 * numbers as u64 }
    };
    read.filter_map(|(component, entry)| checkpoint.stored(component, &entry.name).map(bytes)).sum()
}

/// Floating-point operations of a step: the products of the blocks and their attention, once or, with guidance, twice.
pub fn operations_of_step(checkpoint: &Checkpoint, prompt: &PreparedPrompt, guided: bool) -> f64 {
    let config = &checkpoint.config().transformer;
    let width = (config.num_attention_heads * config.attention_head_dim) as f64;
    let patch = 8 * config.patch_size;
    let [columns, rows] = prompt.size().map(|side| side / patch);
    let glyphs: usize = prompt.quoted.iter().map(String::len).sum();
    let tokens = (columns * rows + glyphs) as f64;
    // Queries, keys, values and output are four matrices, the MLP is eight.
    let products = 2.0 * 12.0 * width * width * tokens;
    let attention = 4.0 * tokens * tokens * width;
    let passes = if guided { 2.0 } else { 1.0 };
    passes * config.num_layers as f64 * (products + attention)
}

/// The most memory that this process held, where the system says so.
pub fn host_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(1024 * kilobytes)
}
