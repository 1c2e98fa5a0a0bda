//! Tables whose rows are sums of shared vectors.

use std::collections::HashMap;

use burn::tensor::{Int, Tensor, TensorData};

use super::codes::{CHARACTERS, Code, Codebook};
use super::parameters::Parameters;
use super::recipe::{BYTES, Recipe};

/// Factors that make up one row of a table.
const SLOTS: usize = 3;

/// Which factors each id of the architect's vocabulary, and so each visual code, is the sum of.
///
/// A letter's code is its ink plus its size and part plus its character, and the character is the same vector as the
/// prompt's byte: what is learned of one `e` is learned of all. Only the finished sums become weights of the checkpoint.
#[derive(Debug, Clone)]
pub struct Factors {
    count: usize,
    /// For each slot, the factor of every id.
    slots: [Vec<i32>; SLOTS],
}

impl Factors {
    /// The factors of a codebook.
    pub fn new(recipe: &Recipe, codebook: &Codebook) -> Self {
        let mut names: HashMap<String, i32> = HashMap::new();
        let mut number = |name: String| {
            let next = names.len() as i32;
            *names.entry(name).or_insert(next)
        };
        let mut slots: [Vec<i32>; SLOTS] = Default::default();
        let mut push = |factors: [i32; SLOTS]| {
            for (slot, factor) in slots.iter_mut().zip(factors) {
                slot.push(factor);
            }
        };
        for &code in codebook.codes() {
            let names = match code {
                Code::Ground { background, face } => {
                    [format!("ground {background:?}"), format!("face {face:?}"), "ground".to_owned()]
                }
                Code::Ornament(piece) => {
                    [format!("piece {piece}"), "ornament".to_owned(), "ornament".to_owned()]
                }
                Code::Letter { ink, size, part, character } => [
                    format!("ink {ink:?}"),
                    format!("part {size:?} {part}"),
                    format!("character {character}"),
                ],
            };
            push(names.map(&mut number));
        }
        for id in codebook.codes().len()..recipe.vocabulary() {
            let byte = id.checked_sub(recipe.visual_vocabulary()).filter(|byte| *byte < BYTES);
            let character = byte.map(|byte| char::from(byte as u8)).filter(|c| CHARACTERS.contains(*c));
            let own = number(format!("id {id}"));
            match character {
                Some(character) => {
                    push([own, number(format!("character {character}")), number("text".to_owned())]);
                }
                None => push([own, number("text".to_owned()), own]),
            }
        }
        Self { count: names.len(), slots }
    }

    /// The first `rows` rows of the table whose factors are the weight `name`.
    pub fn table(&self, parameters: &mut Parameters, name: &str, rows: usize, width: usize) -> Tensor<2> {
        let device = parameters.device().clone();
        let factors = parameters.matrix(name, [self.count, width]);
        let [a, b, c] = self.slots.each_ref().map(|slot| {
            let ids = TensorData::new(slot[..rows].to_vec(), [rows]);
            factors.clone().select(0, Tensor::<1, Int>::from_data(ids, &device))
        });
        a + b + c
    }
}
