//! The architect's training: prompt to draft grid to large grid.

use atelier::config::ModelConfig;
use atelier::prompt::{Grid, Position, decode_positions};
use atelier::weight_mapping;
use burn::tensor::{DType, Int, Tensor, TensorData};
use futures_lite::future::block_on;

use super::codes::Code;
use super::error::Result;
use super::factors::Factors;
use super::files;
use super::parameters::{Initial, Method, Parameters, Policy};
use super::recipe::{HEAD_DIM, ROPE_FREQUENCIES, ROPE_THETA, Recipe, SIDE};
use super::studio::{Drawing, Studio};
use super::task::{Figures, Progress, Task, cross_entropy};
use crate::data::{CELL, Curriculum, Geometry, Random};

const BATCH: usize = 16;
/// Batches that are drawn at once and sorted by length, so that little is padding.
const POOL: usize = 16;
const CHECK_SAMPLES: u64 = 32;
/// The first cells, which decide ground and ornament, count as much as letters.
const FIRST_CELLS: usize = 2;
/// How much any other cell without a letter counts beside one with a letter.
const OTHER_WEIGHT: f32 = 0.6;
/// Share of the steps in which single texts are learned.
const SPELLING: f64 = 0.3;
/// Probabilities that a later sample is shown whole, and that its draft is.
const WHOLE: f32 = 0.15;
const WHOLE_DRAFT: f32 = 0.55;
const CELLS: usize = (SIDE / CELL) as usize;
const GRID: Grid = Grid { rows: CELLS, columns: CELLS };
const EMBEDDING: &str = "model.language_model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// Trains the decoder of `vision_language_encoder`.
///
/// Four things make a small machine enough:
/// - Embedding and head are sums of factors: a letter's code is its ink plus its size and part plus its character, and
///   the character is the same vector as the prompt's byte. What is learned of one `e` is learned of all.
/// - The first layer's heads begin by looking at a neighbour each: the byte before, the cell before, the cell above,
///   the draft's cell. Biases of queries and keys do that through the rotary embedding, and are learned on from there.
/// - Most cells that show no text, and the texts of most regions, are left out of a sequence. The positions say where a
///   token stands, so a gap changes nothing for the rest. Whole sequences, as in use, come in later.
/// - Of the large grid, which repeats the draft, only a few rows are shown.
pub struct ArchitectTask {
    recipe: Recipe,
    config: ModelConfig,
    studio: Studio,
    factors: Factors,
    seed: u64,
    next_sample: u64,
    pool: Vec<Vec<Sequence>>,
}

/// One sample as the architect is shown it.
#[derive(Debug, Clone, PartialEq)]
struct Sequence {
    ids: Vec<u32>,
    positions: Vec<Position>,
    /// The index of a token, the code that follows it, and how much that counts.
    targets: Vec<(usize, u32, f32)>,
}

/// The logits at some places of a batch, the codes that come there, and how much each counts.
struct Predictions {
    logits: Tensor<2>,
    targets: Vec<u32>,
    weights: Vec<f32>,
}

impl ArchitectTask {
    /// A training whose samples come from `seed`.
    ///
    /// # Errors
    /// A font is missing.
    pub fn new(studio: Studio, seed: u64) -> Result<Self> {
        let recipe = studio.recipe();
        let config = recipe.config(&[0.0; 16], &[1.0; 16])?;
        let factors = Factors::new(&recipe, &studio.codebook);
        Ok(Self { recipe, config, studio, factors, seed, next_sample: 0, pool: Vec::new() })
    }

    /// What the samples are like so far into the training: first one region or two, then everything.
    fn curriculum(&self, progress: Progress) -> Curriculum {
        let full = Curriculum { geometry: Geometry::column(), ..Curriculum::full() };
        if progress.share() < SPELLING {
            Curriculum {
                regions: [1.0, 0.15, 0.0, 0.0, 0.0],
                max_letters: 8,
                paraphrase: 0.0,
                any_rows: 0.0,
                long_titles: 0.0,
                quotes: [1.0, 0.0, 0.0],
                ..full
            }
        } else {
            Curriculum { regions: [1.2, 1.0, 0.8, 0.6, 0.6], ..full }
        }
    }

    fn fill(&mut self, progress: Progress) -> Result<()> {
        let curriculum = self.curriculum(progress);
        let mut sequences = Vec::with_capacity(POOL * BATCH);
        for _ in 0..POOL * BATCH {
            let index = self.next_sample;
            self.next_sample += 1;
            let mut random = Random::new(self.seed ^ 0x5eed, index);
            // Later, most drafts are whole, as in use: where no text belongs is learned too.
            let late = progress.share() > SPELLING;
            let whole = late && random.chance(WHOLE);
            let whole_draft = late && random.chance(WHOLE_DRAFT);
            let gaps = Gaps { random: &mut random, spans: if late { 0.6 } else { 0.1 }, whole_draft };
            sequences.push(self.sequence(self.seed, index, &curriculum, (!whole).then_some(gaps))?);
        }
        sequences.sort_by_key(|sequence| sequence.ids.len());
        self.pool = sequences.chunks(BATCH).map(<[Sequence]>::to_vec).collect();
        let mut random = Random::new(self.seed, self.next_sample ^ (1 << 40));
        for last in (1..self.pool.len()).rev() {
            self.pool.swap(last, random.below(last + 1));
        }
        Ok(())
    }

    /// A sample as a sequence: whole, or with `gaps` drawn.
    fn sequence(
        &self,
        seed: u64,
        index: u64,
        curriculum: &Curriculum,
        gaps: Option<Gaps<'_>>,
    ) -> Result<Sequence> {
        let drawing = self.studio.draw(seed, index, curriculum)?;
        let mut ids = self.recipe.prompt_ids(&drawing.sample.prompt, CELLS);
        let start = ids.len() as u32;
        let mut positions: Vec<Position> = (0..start).map(|position| [position; 3]).collect();
        let written = decode_positions(start, &[GRID, GRID]);

        let tokens = 2 * GRID.len();
        let shown = match gaps {
            Some(gaps) => chosen_cells(&drawing, gaps),
            None => vec![true; tokens],
        };
        let mut targets = Vec::new();
        for token in 0..tokens {
            let code = drawing.codes[token % GRID.len()];
            if shown[token] {
                let letter = matches!(self.studio.codebook.codes()[code as usize], Code::Letter { .. });
                let weight = if letter || token < FIRST_CELLS { 1.0 } else { OTHER_WEIGHT };
                targets.push((ids.len() - 1, code, weight));
            }
            // The token before a shown one is there too: the shown one's code follows it.
            if (shown[token] || shown.get(token + 1) == Some(&true)) && token + 1 < tokens {
                ids.push(code);
                positions.push(written[token]);
            }
        }
        Ok(Sequence { ids, positions, targets })
    }

    /// Makes embedding and head of their factors.
    pub(super) fn give_tables(&self, parameters: &mut Parameters) {
        let width = self.config.prior.text_config.hidden_size;
        let mut table = |name, rows| self.factors.table(parameters, name, rows, width);
        let (embedding, head) = (
            table("embedding factors", self.recipe.vocabulary()),
            table("head factors", self.recipe.visual_vocabulary()),
        );
        parameters.give(EMBEDDING, embedding);
        parameters.give(HEAD, head);
    }

    /// What is predicted at every target of a batch.
    fn logits(&self, batch: &[Sequence], parameters: &mut Parameters) -> Result<Predictions> {
        self.give_tables(parameters);
        let prior = block_on(weight_mapping::prior(parameters, &self.config.prior))?;
        let device = parameters.device().clone();

        let longest = batch.iter().map(|sequence| sequence.ids.len()).max().unwrap_or(0);
        let (mut ids, mut positions) = (Vec::new(), Vec::new());
        let (mut places, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (row, sequence) in batch.iter().enumerate() {
            let padding = longest - sequence.ids.len();
            ids.extend(sequence.ids.iter().map(|&id| id as i32).chain(std::iter::repeat_n(0, padding)));
            positions.extend(sequence.positions.iter().copied().chain(std::iter::repeat_n([0; 3], padding)));
            for &(index, code, weight) in &sequence.targets {
                places.push((row * longest + index) as i32);
                targets.push(code);
                weights.push(weight);
            }
        }
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [batch.len(), longest]), &device);
        let states = prior.sequence_states(ids, &positions);
        let [_, _, width] = states.dims();
        let count = places.len();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), &device);
        let states = states.reshape([batch.len() * longest, width]).select(0, places);
        Ok(Predictions { logits: prior.logits(states), targets, weights })
    }
}

/// What leaves cells out of a sequence.
struct Gaps<'a> {
    random: &'a mut Random,
    /// Probability that a row of no chosen region shows a few of its cells.
    spans: f32,
    /// Nothing is left out of the draft.
    whole_draft: bool,
}

/// Which cells of the draft and then of the large grid a sequence shows: the rows of two regions, and a few others.
fn chosen_cells(drawing: &Drawing, gaps: Gaps<'_>) -> Vec<bool> {
    let Gaps { random, spans, whole_draft } = gaps;
    let regions = &drawing.sample.scene.regions;
    let chosen = [random.below(regions.len()), random.below(regions.len())];
    let mut cells = vec![false; 2 * GRID.len()];
    for row in 0..CELLS {
        if random.chance(spans) {
            let (start, length) = (random.below(CELLS), 2 + random.below(8));
            cells[row * CELLS..][start..(start + length).min(CELLS)].fill(true);
        }
    }
    if whole_draft {
        cells[..GRID.len()].fill(true);
    }
    let mut show = |row: usize| cells[row * CELLS..][..CELLS].fill(true);
    // The first row decides ground and ornament.
    if random.chance(0.5) {
        show(0);
    }
    for region in chosen {
        let area = regions[region].cells;
        let rows = (area.row as usize)..((area.row + area.rows) as usize).min(CELLS);
        rows.clone().for_each(&mut show);
        if random.chance(0.5) {
            show(CELLS + rows.start + random.below(rows.len()));
        }
    }
    if random.chance(0.3) {
        show(CELLS + random.below(CELLS));
    }
    cells
}

/// The cells of every word: each character has a column to itself in the geometry that the architect learns.
fn word_cells(drawing: &Drawing) -> Vec<Vec<usize>> {
    let mut words = Vec::new();
    for line in drawing.sample.scene.regions.iter().flat_map(|region| &region.lines) {
        let mut first = line.cells.column as usize;
        for word in line.text.split(' ') {
            let columns = first..first + word.chars().count();
            let rows = (line.cells.row as usize)..(line.cells.row + line.cells.rows) as usize;
            words
                .push(rows.flat_map(|row| columns.clone().map(move |column| row * CELLS + column)).collect());
            first = columns.end + 1;
        }
    }
    words
}

/// The offsets `(t, y, x)` at which heads of the first layer look at first: how far behind the reading token.
const NEIGHBOURS: [[f32; 3]; 6] = [
    // The byte before, the cell before.
    [1.0, 1.0, 1.0],
    [0.0, 0.0, 1.0],
    // The cell above the one to be written, and the same cell of the draft. A token is followed by what stands to its
    // right.
    [0.0, 1.0, -1.0],
    [16.0, 16.0, 15.0],
    // Two bytes before, and the draft's cell once more: one head is narrow for a whole code.
    [2.0, 2.0, 2.0],
    [16.0, 16.0, 15.0],
];
const KEY_BIAS: f32 = 4.0;
const QUERY_BIAS: f32 = 24.0;

/// Biases of the first layer's queries: each head's turned against the keys' by the angle of its offset.
fn query_biases() -> Vec<f32> {
    let mut biases = Vec::new();
    for offset in NEIGHBOURS {
        let angle =
            |k: usize| -offset[k % 3] * (ROPE_THETA as f32).powf(-(k as f32) / ROPE_FREQUENCIES as f32);
        biases.extend((0..ROPE_FREQUENCIES).map(|k| QUERY_BIAS * angle(k).cos()));
        biases.extend((0..ROPE_FREQUENCIES).map(|k| QUERY_BIAS * angle(k).sin()));
        biases.extend([0.0; HEAD_DIM - 2 * ROPE_FREQUENCIES]);
    }
    biases
}

/// Biases of the first layer's keys: all at angle zero.
fn key_biases(heads: usize) -> Vec<f32> {
    let head = |i: usize| if i < ROPE_FREQUENCIES { KEY_BIAS } else { 0.0 };
    (0..heads).flat_map(|_| (0..HEAD_DIM).map(head)).collect()
}

impl Task for ArchitectTask {
    fn name(&self) -> &'static str {
        "architect"
    }

    fn policy(&self) -> Policy {
        |name, shape| match name {
            "model.language_model.layers.0.self_attn.q_proj.bias" => {
                (Initial::Values(query_biases()), Method::AdamW)
            }
            "model.language_model.layers.0.self_attn.k_proj.bias" => {
                (Initial::Values(key_biases(shape[0] / HEAD_DIM)), Method::AdamW)
            }
            "model.language_model.layers.0.self_attn.q_proj.weight"
            | "model.language_model.layers.0.self_attn.k_proj.weight" => {
                (Initial::Normal { std: 0.2 / (shape[1] as f32).sqrt() }, Method::Muon)
            }
            // The same vectors at first: what attention brings unchanged from a prompt's byte is its letter's code.
            "embedding factors" => (Initial::Shared { std: 0.6, stream: 1 }, Method::AdamW),
            "head factors" => (Initial::Shared { std: 0.06, stream: 1 }, Method::AdamW),
            _ if name.contains("post_self_attn_layernorm") || name.contains("post_mlp_layernorm") => {
                (Initial::Constant(0.4), Method::AdamW)
            }
            _ if shape.len() == 1 => {
                (Initial::Constant(if name.ends_with("bias") { 0.0 } else { 1.0 }), Method::AdamW)
            }
            _ => (Initial::Normal { std: 1.0 / (shape[1] as f32).sqrt() }, Method::Muon),
        }
    }

    fn steps(&self) -> u64 {
        5_000
    }

    fn rate(&self) -> f64 {
        6e-3
    }

    fn seen(&self) -> u64 {
        self.next_sample - (self.pool.len() * BATCH) as u64
    }

    fn resume(&mut self, seen: u64) {
        self.next_sample = seen;
    }

    fn loss(&mut self, progress: Progress, parameters: &mut Parameters) -> Result<Tensor<1>> {
        if self.pool.is_empty() {
            self.fill(progress)?;
        }
        let batch = self.pool.pop().unwrap_or_default();
        let Predictions { logits, targets, weights } = self.logits(&batch, parameters)?;
        let total: f32 = weights.iter().sum();
        let count = weights.len();
        let weights = TensorData::new(weights, [count]);
        let weights = Tensor::<1>::from_data(weights, (&logits.device(), DType::F32));
        Ok((cross_entropy(logits, &targets) * weights).sum().div_scalar(total))
    }

    fn check(&mut self, parameters: &mut Parameters) -> Result<Figures> {
        let curriculum = Curriculum { geometry: Geometry::column(), ..Curriculum::like_development() };
        // The architect may write an id that is no code.
        let code = |id: u32| self.studio.codebook.codes().get(id as usize);
        let letters = |id: u32| matches!(code(id), Some(Code::Letter { .. }));
        let (mut cells, mut right, mut exact, mut text_exact) = (0, 0, 0, 0);
        // Letters of the draft and of the large grid, and how many of each are right.
        let mut spelled = [[0_u64; 2]; 2];
        let mut spelled_alone = [0_u64; 2];
        // Words of the draft, and how many are right to the last cell; drafts without a letter where none belongs.
        let (mut words, mut whole_words, mut clean) = (0_u32, 0_u32, 0_u32);
        let mut loss = 0.0;
        for chunk in (0..CHECK_SAMPLES).collect::<Vec<_>>().chunks(8) {
            // The first half has one region.
            let alone = Curriculum { regions: [1.0, 0.0, 0.0, 0.0, 0.0], ..curriculum };
            let curriculum = if chunk[0] < CHECK_SAMPLES / 2 { &alone } else { &curriculum };
            let batch: Vec<Sequence> = chunk
                .iter()
                .map(|&index| self.sequence(u64::MAX, index, curriculum, None))
                .collect::<Result<_>>()?;
            let Predictions { logits, targets, .. } = self.logits(&batch, parameters)?;
            loss += f64::from(files::scalar(cross_entropy(logits.clone(), &targets).sum())?);
            let best = files::ids(logits.argmax(1))?;
            let pictures = best.chunks(2 * GRID.len()).zip(targets.chunks(2 * GRID.len()));
            for (index, (best, targets)) in chunk.iter().zip(pictures) {
                let same = best.iter().zip(targets).filter(|(a, b)| a == b).count();
                cells += targets.len();
                right += same;
                exact += usize::from(same == targets.len());
                for (place, (best, target)) in best.iter().zip(targets).enumerate() {
                    if letters(*target) {
                        let [all, right] = &mut spelled[place / GRID.len()];
                        *all += 1;
                        *right += u64::from(best == target);
                        if chunk[0] < CHECK_SAMPLES / 2 && place < GRID.len() {
                            spelled_alone[0] += 1;
                            spelled_alone[1] += u64::from(best == target);
                        }
                    }
                }
                let wrong = |(a, b): (&u32, &u32)| a != b && (letters(*a) || letters(*b));
                text_exact += usize::from(!best.iter().zip(targets).any(wrong));
                let (best, targets) = (&best[..GRID.len()], &targets[..GRID.len()]);
                clean += u32::from(!best.iter().zip(targets).any(|(a, b)| letters(*a) && !letters(*b)));
                let drawing = self.studio.draw(u64::MAX, *index, curriculum)?;
                for cells in word_cells(&drawing) {
                    words += 1;
                    whole_words += u32::from(cells.iter().all(|&cell| best.get(cell) == targets.get(cell)));
                }
            }
        }
        // The same with gaps, as training shows it.
        let mut gaps = [[0_u64; 2]; 2];
        let alone = Curriculum { regions: [1.0, 0.0, 0.0, 0.0, 0.0], ..curriculum };
        for (curriculum, gaps) in [&alone, &curriculum].into_iter().zip(&mut gaps) {
            let mut batch = Vec::new();
            for index in 0..CHECK_SAMPLES {
                let mut random = Random::new(u64::MAX, index);
                let gaps = Gaps { random: &mut random, spans: 0.1, whole_draft: false };
                batch.push(self.sequence(u64::MAX, index, curriculum, Some(gaps))?);
            }
            let Predictions { logits, targets, .. } = self.logits(&batch, parameters)?;
            let best = files::ids(logits.argmax(1))?;
            for (best, target) in best.iter().zip(&targets).filter(|(_, target)| letters(**target)) {
                gaps[0] += 1;
                gaps[1] += u64::from(best == target);
            }
        }
        let samples = CHECK_SAMPLES as f64;
        Ok(vec![
            ("unseen_loss", loss / cells as f64),
            ("cells_right", right as f64 / cells as f64),
            ("single_gaps_letters_right", gaps[0][1] as f64 / gaps[0][0] as f64),
            ("gaps_letters_right", gaps[1][1] as f64 / gaps[1][0] as f64),
            ("single_letters_right", spelled_alone[1] as f64 / spelled_alone[0].max(1) as f64),
            ("draft_letters_right", spelled[0][1] as f64 / spelled[0][0].max(1) as f64),
            ("large_letters_right", spelled[1][1] as f64 / spelled[1][0].max(1) as f64),
            ("word_accuracy", f64::from(whole_words) / f64::from(words.max(1))),
            ("no_stray_letters", f64::from(clean) / samples),
            ("text_exact", text_exact as f64 / samples),
            ("blueprint_exact", exact as f64 / samples),
        ])
    }
}
