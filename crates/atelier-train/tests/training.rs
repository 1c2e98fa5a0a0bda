//! The trainer, on a processor and with very few steps: it learns, it goes on where it stopped, and what it writes is a
//! checkpoint.
#![cfg(feature = "train")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atelier::preview::Preview;
use atelier::prompt::{PromptTokenizer, SpecialTokens, TargetGrids, encode_prompt};
use atelier::{ByteSource, Checkpoint, Device, Latents, RgbImage};
use atelier_train::data::{Curriculum, Geometry, Painter};
use atelier_train::train::{
    self, ArchitectTask, Code, DecoderTask, Options, PainterTask, Studio, Task, VaeTask, VisionTask,
};
use atelier_weights::FolderSource;
use futures_lite::future::block_on;

fn studio() -> Studio {
    Studio::new(&Painter::font_folders()).unwrap()
}

fn options(work: &Path, steps: u64) -> Options {
    Options { work: work.to_owned(), steps, check_every: 1000, rate: 1.0, seed: 0 }
}

fn train(task: &mut dyn Task, work: &Path, steps: u64) {
    train::run(task, &options(work, steps), &Device::flex(), &AtomicBool::new(false)).unwrap();
}

/// What the check of the last step measured, as the record has it.
fn last_figures(work: &Path, task: &str) -> Vec<String> {
    let table = std::fs::read_to_string(work.join(task).join("curve.csv")).unwrap();
    let last = table.lines().last().unwrap().split(',').next().unwrap().to_owned();
    let of_last = table.lines().filter(|line| line.starts_with(&format!("{last},")));
    of_last.filter(|line| !line.contains(",loss,")).map(str::to_owned).collect()
}

#[test]
fn the_prompt_ids_of_training_are_those_of_the_checkpoint() {
    let recipe = studio().recipe();
    let latents = Latents { channels: 16, height: 1, width: 1, values: vec![0.0; 16] };
    let preview = Preview::fit([(&latents, &RgbImage::new(8, 8, vec![0; 192]).unwrap())]).unwrap();
    let files = recipe.files(&[0.0; 16], &[1.0; 16], &preview);
    let json = &files.iter().find(|(path, _)| *path == "processor/tokenizer.json").unwrap().1;
    let tokenizer = PromptTokenizer::from_bytes(json.as_bytes(), "tokenizer.json").unwrap();
    let config = recipe.config(&[0.0; 16], &[1.0; 16]).unwrap().prior;
    let special = SpecialTokens {
        image_start: config.image_start_token_id,
        image_end: config.image_end_token_id,
        image_token: config.image_token_id,
    };
    for prompt in ["A red card with 'It's 7:30' on it.", "  “Grüße” — 東京 \n\t$5.99 "] {
        let target = TargetGrids::for_size(512, 512);
        let encoded = encode_prompt(&tokenizer, special, prompt, &[], target).unwrap();
        assert_eq!(recipe.prompt_ids(prompt, 16), encoded.ids, "{prompt}");
    }
}

#[test]
fn every_code_of_a_picture_says_what_the_cell_shows() {
    let studio = studio();
    let curriculum = Curriculum { geometry: Geometry::column(), ..Curriculum::full() };
    for index in 0..200 {
        let drawing = studio.draw(3, index, &curriculum).unwrap();
        assert_eq!(drawing.codes.len(), 256);
        let mut spelled: Vec<String> = vec![String::new(); drawing.sample.scene.regions.len()];
        let mut grounds = 0;
        for (cell, &code) in drawing.codes.iter().enumerate() {
            match studio.codebook.codes()[code as usize] {
                Code::Ground { background, face } => {
                    grounds += 1;
                    assert_eq!(background, drawing.sample.scene.background);
                    assert_eq!(face, drawing.sample.scene.face);
                }
                Code::Ornament(_) => {}
                Code::Letter { ink, size, character, .. } => {
                    let (row, column) = (cell as u32 / 16, cell as u32 % 16);
                    let regions = drawing.sample.scene.regions.iter();
                    let (region, placed) =
                        regions.enumerate().find(|(_, r)| r.cells.contains(column, row)).unwrap();
                    assert_eq!((ink, size), (placed.colour, placed.size));
                    spelled[region].push(character);
                }
            }
        }
        assert!(grounds > 64, "{index}");
        for (spelled, region) in spelled.iter().zip(&drawing.sample.description.regions) {
            for character in region.text.chars().filter(|c| *c != ' ') {
                assert!(spelled.contains(character), "{index}: {spelled} of {}", region.text);
            }
        }
    }
}

/// All four parts in one go, since the painter needs the VAE and the checkpoint needs all.
#[test]
fn a_few_steps_of_each_part_make_a_checkpoint_that_loads() {
    let folder = tempfile::tempdir().unwrap();
    let (work, output) = (folder.path().join("work"), folder.path().join("mini"));
    let (studio, device) = (studio(), Device::flex());
    train(&mut VaeTask::new(studio.clone(), 0).unwrap(), &work, 1);
    let vae = options(&work, 1).state("vae");
    train(&mut DecoderTask::new(studio.clone(), 0, &vae, &device).unwrap(), &work, 1);
    train(&mut VisionTask::new(studio.clone(), 0).unwrap(), &work, 1);
    train(&mut ArchitectTask::new(studio.clone(), 0).unwrap(), &work, 1);
    train(&mut PainterTask::new(studio.clone(), 0, &vae, &device).unwrap(), &work, 1);
    for task in ["vae", "decoder", "vision", "architect", "painter"] {
        assert!(!last_figures(&work, task).is_empty(), "{task}");
    }

    train::export(&studio, &options(&work, 1), &device, &output).unwrap();
    let source: Arc<dyn ByteSource> = Arc::new(FolderSource::open(&output).unwrap());
    let checkpoint = block_on(Checkpoint::open(source)).unwrap();
    assert_eq!(checkpoint.config().vae.sample_size, 512);
    let bytes: u64 = ["vision_language_encoder/model", "text_encoder/model"]
        .iter()
        .chain(&["transformer/diffusion_pytorch_model", "vae/diffusion_pytorch_model"])
        .map(|file| output.join(format!("{file}.safetensors")).metadata().unwrap().len())
        .sum();
    assert!(bytes < 24 << 20, "{bytes} bytes");
}

#[test]
fn the_vision_tower_learns_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let studio = studio();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    train(&mut VisionTask::new(studio.clone(), 0).unwrap(), &whole, 16);
    let stopped = &AtomicBool::new(false);
    // Stopped after the third step of sixteen, as by Ctrl-C, and gone on with by a program started anew.
    let mut half = StopAfter { task: VisionTask::new(studio.clone(), 0).unwrap(), left: 3, stop: stopped };
    train::run(&mut half, &options(&parts, 16), &Device::flex(), stopped).unwrap();
    train(&mut VisionTask::new(studio, 0).unwrap(), &parts, 16);
    assert_eq!(last_figures(&whole, "vision"), last_figures(&parts, "vision"));

    let table = std::fs::read_to_string(whole.join("vision/curve.csv")).unwrap();
    let loss = table.lines().find(|line| line.contains(",loss,")).unwrap();
    let loss: f64 = loss.rsplit(',').next().unwrap().parse().unwrap();
    // Guessing among some four thousand codes costs 8.3.
    assert!(loss < 8.0, "{loss}");
}

/// Sets `stop` after some steps.
struct StopAfter<'a> {
    task: VisionTask,
    left: usize,
    stop: &'a AtomicBool,
}

impl Task for StopAfter<'_> {
    fn name(&self) -> &'static str {
        self.task.name()
    }

    fn policy(&self) -> train::Policy {
        self.task.policy()
    }

    fn steps(&self) -> u64 {
        self.task.steps()
    }

    fn rate(&self) -> f64 {
        self.task.rate()
    }

    fn seen(&self) -> u64 {
        self.task.seen()
    }

    fn resume(&mut self, seen: u64) {
        self.task.resume(seen);
    }

    fn loss(
        &mut self,
        progress: train::Progress,
        parameters: &mut train::Parameters,
    ) -> train::Result<burn::tensor::Tensor<1>> {
        self.left -= 1;
        self.stop.store(self.left == 0, std::sync::atomic::Ordering::Relaxed);
        self.task.loss(progress, parameters)
    }

    fn check(&mut self, parameters: &mut train::Parameters) -> train::Result<train::Figures> {
        self.task.check(parameters)
    }
}
