//! What is to be done, with every file read and checked that can be before the model is.

use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use atelier::record::RunRecord;
use atelier::{
    Blueprint, Checkpoint, DEFAULT_GUIDANCE, DEFAULT_STEPS, Pipeline, Request, RgbImage, Sampling,
    blueprint::SourceRecord,
};

use crate::cli::GenerateArgs;
use crate::error::{Error, Result};
use crate::latents::Latents;
use crate::model::Model;
use crate::place::Place;
use crate::{blueprints, files, images, metadata};

/// The longest prompt file, in bytes.
const MAX_PROMPTS: u64 = 16 << 20;
/// The largest side of a picture, in pixels, and what sides are multiples of.
const SIDES: (usize, usize) = (32, 4096);

/// One run.
#[derive(Debug)]
pub struct Plan {
    pub work: Work,
    pub sources: Vec<Source>,
    pub steps: usize,
    pub guidance: f32,
    pub seed: u64,
    pub images_per_prompt: usize,
    pub batch_padding: bool,
    pub glyph_tokens: Option<usize>,
    pub latents: Option<Latents>,
    pub model: Model,
    pub place: Place,
    /// In GB.
    pub vram_budget: Option<f64>,
    /// Where the run is repeated: the device it was made on.
    pub recorded_device: Option<String>,
}

/// Where the blueprints come from.
#[derive(Debug)]
pub enum Work {
    /// The architect.
    Prompts { prompts: Vec<String>, width: Option<usize>, height: Option<usize>, sampling: SamplingArgs },
    /// A file, named for messages.
    Blueprint { place: PathBuf, blueprint: Box<Blueprint> },
}

/// The sampling that was asked for; the model has the rest.
#[derive(Debug, Clone, Copy)]
pub struct SamplingArgs {
    temperature: Option<f32>,
    top_p: Option<f32>,
    /// 0 is off.
    top_k: Option<usize>,
}

/// A source image and where it came from.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub image: RgbImage,
}

impl Plan {
    /// Reads the command line and every file it names.
    pub fn new(args: &GenerateArgs) -> Result<Self> {
        let recorded = args.from.as_deref().map(metadata::read).transpose()?;
        let work = match (&args.from, &recorded, &args.blueprint) {
            (Some(png), Some(run), _) => {
                Work::Blueprint { place: png.clone(), blueprint: Box::new(run.blueprint.clone()) }
            }
            (_, _, Some(file)) => {
                Work::Blueprint { place: file.clone(), blueprint: Box::new(blueprints::read(file)?) }
            }
            _ => Work::Prompts {
                prompts: prompts(args)?,
                width: args.width,
                height: args.height,
                sampling: SamplingArgs {
                    temperature: args.temperature,
                    top_p: args.top_p,
                    top_k: args.top_k,
                },
            },
        };
        let paint = recorded.as_ref().map(|run| run.paint);
        let first_seed = match &work {
            Work::Blueprint { blueprint, .. } => paint.map_or(blueprint.seed, |paint| paint.seed),
            Work::Prompts { .. } => random_seed(),
        };
        let plan = Self {
            sources: sources(args, recorded.as_ref())?,
            steps: args.steps.or(paint.map(|paint| paint.steps)).unwrap_or(DEFAULT_STEPS),
            guidance: args.guidance.or(paint.map(|paint| paint.guidance)).unwrap_or(DEFAULT_GUIDANCE),
            seed: args.seed.unwrap_or(first_seed),
            images_per_prompt: args.images_per_prompt.unwrap_or(1),
            batch_padding: !args.no_batch_padding,
            glyph_tokens: paint.and_then(|paint| paint.glyph_tokens).filter(|_| !args.no_batch_padding),
            latents: latents(args, recorded.as_ref())?,
            model: Model::choose(args.place.model.as_ref(), recorded.as_ref().map(|run| run.model.as_str())),
            place: Place::of(&args.place)?,
            vram_budget: args.place.vram_budget,
            recorded_device: recorded.map(|run| run.device),
            work,
        };
        plan.validate()?;
        Ok(plan)
    }

    /// Prompts of the run.
    pub fn prompts(&self) -> usize {
        match &self.work {
            Work::Prompts { prompts, .. } => prompts.len(),
            Work::Blueprint { .. } => 1,
        }
    }

    /// Everything the library can say without the model.
    fn validate(&self) -> Result<()> {
        let (mut size, mut drawn) = ([None; 2], None);
        if let Work::Prompts { prompts, width, height, sampling } = &self.work {
            if prompts.iter().any(|prompt| prompt.trim().is_empty()) {
                return Err(Error::flag("prompt", "some text", "only white space or nothing"));
            }
            size = [*width, *height];
            drawn = Some(*sampling);
        }
        let valid = Sampling { temperature: 0.0, top_p: 1.0, top_k: None };
        let request = Request {
            prompts: vec![String::new()],
            sources: Vec::new(),
            width: size[0].unwrap_or(SIDES.0),
            height: size[1].unwrap_or(SIDES.0),
            steps: self.steps,
            guidance: self.guidance,
            seed: self.seed,
            sampling: drawn.map_or(valid, |drawn| drawn.over(valid)),
            images_per_prompt: self.images_per_prompt,
            noise: None,
            batch_padding: self.batch_padding,
            glyph_tokens: None,
        };
        Ok(request.validate()?)
    }

    /// The request, with the model's defaults for what was not said.
    pub fn request(&self, checkpoint: &Checkpoint) -> Request {
        let default = Request::new("", checkpoint);
        let (prompts, width, height, sampling) = match &self.work {
            Work::Prompts { prompts, width, height, sampling } => {
                let [w, h] = match self.sources.first() {
                    Some(Source { image, .. }) if width.is_none() && height.is_none() => {
                        [image.width, image.height]
                            .map(|side| (side / SIDES.0 * SIDES.0).clamp(SIDES.0, SIDES.1))
                    }
                    _ => [default.width, default.height],
                };
                (prompts.clone(), width.unwrap_or(w), height.unwrap_or(h), sampling.over(default.sampling))
            }
            Work::Blueprint { blueprint, .. } => {
                (vec![blueprint.prompt.clone()], blueprint.width, blueprint.height, default.sampling)
            }
        };
        Request {
            prompts,
            sources: self.sources.iter().map(|source| source.image.clone()).collect(),
            width,
            height,
            steps: self.steps,
            guidance: self.guidance,
            seed: self.seed,
            sampling,
            images_per_prompt: self.images_per_prompt,
            noise: self.latents.as_ref().map(|latents| latents.noise.clone()),
            batch_padding: self.batch_padding,
            glyph_tokens: self.glyph_tokens,
        }
    }

    /// Checks blueprint and request against the model; errors name the file or the prompt at fault.
    pub fn check(&self, request: &Request, pipeline: &Pipeline) -> Result<()> {
        if let Work::Blueprint { place, blueprint } = &self.work {
            let records: Vec<_> = self.sources.iter().map(|source| SourceRecord::of(&source.image)).collect();
            let checked = blueprint.check(pipeline.checkpoint(), &records);
            checked.map_err(|error| Error::input(place, format!("blueprint: {}", unprefixed(&error))))?;
        }
        let Err(error) = pipeline.check(request) else { return Ok(()) };
        match (error, &self.work) {
            (atelier::Error::SourceImage { index, expected, found }, _) if index < self.sources.len() => {
                Err(Error::input(&self.sources[index].path, format!("expected {expected}, found {found}")))
            }
            (error @ atelier::Error::Request { field: "prompt", .. }, Work::Blueprint { place, .. }) => {
                Err(Error::input(place, error))
            }
            (error @ atelier::Error::Request { field: "prompt", .. }, _) if request.prompts.len() > 1 => {
                let alone = |prompt: &&String| {
                    let prompts = vec![String::clone(prompt)];
                    pipeline.check(&Request { prompts, noise: None, ..request.clone() }).is_err()
                };
                match request.prompts.iter().enumerate().find(|(_, prompt)| alone(prompt)) {
                    Some((index, _)) => {
                        Err(Error::input(format!("prompt {}", index + 1), unprefixed(&error)))
                    }
                    None => Err(error.into()),
                }
            }
            (error, _) => Err(error.into()),
        }
    }
}

impl SamplingArgs {
    fn over(self, default: Sampling) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(default.temperature),
            top_p: self.top_p.unwrap_or(default.top_p),
            top_k: self.top_k.map_or(default.top_k, |top_k| (top_k > 0).then_some(top_k)),
        }
    }
}

/// The message without the word that the place already says.
pub fn unprefixed(error: &atelier::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("blueprint: ").or_else(|| text.strip_prefix("prompt: ")).unwrap_or(&text);
    text.to_owned()
}

fn prompts(args: &GenerateArgs) -> Result<Vec<String>> {
    let mut prompts: Vec<String> = args.text.iter().chain(&args.prompt).cloned().collect();
    if let Some(path) = &args.prompt_file {
        let stdin = path == Path::new("-");
        let text = if stdin { files::read_stdin(MAX_PROMPTS) } else { files::read_text(path, MAX_PROMPTS) }?;
        let lines =
            text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
        let before = prompts.len();
        prompts.extend(lines.map(str::to_owned));
        if prompts.len() == before {
            return Err(Error::input(path, "expected one prompt a line, found only blank lines"));
        }
    }
    if prompts.is_empty() {
        return Err(Error::flag("prompt", "a prompt, --prompt-file, --blueprint or --from", "none"));
    }
    Ok(prompts)
}

fn sources(args: &GenerateArgs, recorded: Option<&RunRecord>) -> Result<Vec<Source>> {
    let paths = match (recorded, &args.from) {
        (Some(run), Some(png)) if args.image.is_empty() => {
            run.sources.iter().map(|source| find_source(Path::new(source), png)).collect()
        }
        _ => args.image.clone(),
    };
    let read = |path: PathBuf| Ok(Source { image: images::read(&path)?.image, path });
    paths.into_iter().map(read).collect()
}

/// A recorded source image: where it was, or beside the PNG.
fn find_source(recorded: &Path, png: &Path) -> PathBuf {
    let beside = recorded.file_name().map(|name| png.with_file_name(name));
    match beside {
        Some(beside) if !recorded.is_file() && beside.is_file() => beside,
        _ => recorded.to_owned(),
    }
}

fn latents(args: &GenerateArgs, recorded: Option<&RunRecord>) -> Result<Option<Latents>> {
    // Another seed means other noise than the recorded.
    let record = recorded.and_then(|run| run.latents.as_ref()).filter(|_| args.seed.is_none());
    match (&args.latents, record) {
        (None, None) => Ok(None),
        (Some(path), None) => Latents::read(path).map(Some),
        (None, Some(record)) => {
            let expected =
                format!("the file of the recorded run's noise (sha256 {}), or --seed", record.sha256);
            Err(Error::flag("--latents", expected, "none"))
        }
        (Some(_), Some(_)) if args.images_per_prompt.is_some_and(|images| images > 1) => {
            Err(Error::flag("--images-per-prompt", "1 with the noise of a recorded run", "more"))
        }
        (Some(path), Some(record)) => Latents::read(path)?.recorded(record, path).map(Some),
    }
}

/// Short enough to be typed again: 32 bits from the system's randomness, which seeds every hash map.
fn random_seed() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish() >> 32
}
