//! What is to be done, with every file read and checked that can be before the model is.

use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use atelier::prompt::{glyph_texts, quote_doubts, spelled};
use atelier::record::RunRecord;
use atelier::{
    Blueprint, Checkpoint, DEFAULT_GUIDANCE, DEFAULT_STEPS, Pipeline, Request, RgbImage, Sampling,
    blueprint::SourceRecord,
};

use crate::args::{GenerateArgs, MAX_SEED, Seed};
use crate::error::{Error, Result};
use crate::io::latents::Latents;
use crate::io::unfinished::Unfinished;
use crate::io::{blueprints, files, images, metadata};
use crate::model::Model;
use crate::session::Target;

/// The longest prompt file, in bytes.
const MAX_PROMPTS: u64 = 16 << 20;
/// The largest side of a picture, in pixels, and what sides are multiples of.
const SIDES: (usize, usize) = (32, 4096);

/// One run.
#[derive(Debug)]
pub struct Plan {
    pub work: Work,
    pub sources: Vec<Source>,
    /// The model has a default, as for guidance.
    pub steps: Option<usize>,
    pub guidance: Option<f32>,
    pub seed: u64,
    pub blueprint_seed: Option<u64>,
    pub images_per_prompt: usize,
    pub batch_padding: bool,
    pub glyph_tokens: Option<usize>,
    pub latents: Option<Latents>,
    pub model: Model,
    pub target: Target,
    /// Where the run is repeated: the device it was made on.
    pub recorded_device: Option<String>,
    /// Where it goes on: the file of the run, and what that says.
    pub resumed: Option<(PathBuf, Unfinished)>,
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

/// What the user should know before the run.
#[derive(Debug, Default)]
pub struct Remarks {
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// A source image and where it came from.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub image: RgbImage,
    /// What was done to make it one.
    pub notes: Vec<&'static str>,
}

impl Plan {
    /// Reads the command line and every file it names.
    pub fn new(args: &GenerateArgs) -> Result<Self> {
        if let Some(path) = &args.resume {
            return Self::resume(args, path);
        }
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
        let model =
            Model::choose(args.device.model.as_ref(), recorded.as_ref().map(|run| run.model.as_str()));
        if let (Some(png), None, false) = (&args.from, &args.device.model, model.is_there()) {
            let expected = format!("the folder of {model}, which made {}", png.display());
            return Err(Error::flag("--model", expected, "none"));
        }
        let plan = Self {
            sources: sources(args, recorded.as_ref())?,
            steps: args.steps.or(paint.map(|paint| paint.steps)),
            guidance: args.guidance.or(paint.map(|paint| paint.guidance)),
            seed: match args.seed {
                Some(Seed::Number(seed)) => seed,
                Some(Seed::Random) => random_seed(),
                None => first_seed,
            },
            blueprint_seed: args.blueprint_seed,
            images_per_prompt: args.images_per_prompt.unwrap_or(1),
            batch_padding: !args.no_batch_padding,
            glyph_tokens: paint.and_then(|paint| paint.glyph_tokens).filter(|_| !args.no_batch_padding),
            latents: latents(args, recorded.as_ref())?,
            model,
            target: Target::of(&args.device)?,
            recorded_device: recorded.map(|run| run.device),
            resumed: None,
            work,
        };
        plan.validate()?;
        let images = plan.prompts().saturating_mul(plan.images_per_prompt) as u64;
        if args.seed.is_some() && plan.seed.saturating_add(images) > MAX_SEED + 1 {
            let expected = format!("at most {} for {images} pictures", (MAX_SEED + 1).saturating_sub(images));
            return Err(Error::flag("--seed", expected, plan.seed));
        }
        Ok(plan)
    }

    /// Goes on with a run: everything but the place is as it was.
    fn resume(args: &GenerateArgs, path: &Path) -> Result<Self> {
        let run = Unfinished::read(path)?;
        let Sampling { temperature, top_p, top_k } = run.sampling;
        let sampling = SamplingArgs {
            temperature: Some(temperature),
            top_p: Some(top_p),
            top_k: Some(top_k.unwrap_or(0)),
        };
        let (width, height) = (Some(run.width), Some(run.height));
        let plan = Self {
            work: Work::Prompts { prompts: run.prompts.clone(), width, height, sampling },
            sources: run.sources.iter().cloned().map(Source::read).collect::<Result<_>>()?,
            steps: Some(run.steps),
            guidance: Some(run.guidance),
            seed: run.seed,
            blueprint_seed: run.blueprint_seed,
            images_per_prompt: run.images_per_prompt,
            batch_padding: run.batch_padding,
            glyph_tokens: run.glyph_tokens,
            latents: None,
            model: Model::choose(args.device.model.as_ref(), Some(&run.model)),
            target: Target::of(&args.device)?,
            recorded_device: Some(run.device.clone()),
            resumed: Some((path.to_owned(), run)),
        };
        plan.validate().map_err(|error| Error::input(path, error))?;
        Ok(plan)
    }

    /// The blueprints that need not be written any more: those of the first prompts.
    pub fn blueprints(&self) -> &[Blueprint] {
        match (&self.resumed, &self.work) {
            (Some((_, run)), _) => &run.blueprints,
            (None, Work::Blueprint { blueprint, .. }) => std::slice::from_ref(blueprint),
            (None, Work::Prompts { .. }) => &[],
        }
    }

    /// Whether a picture, counted from 0, is there from before.
    pub fn is_saved(&self, image: usize) -> bool {
        self.resumed.as_ref().is_some_and(|(_, run)| run.is_saved(image))
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
            steps: self.steps.unwrap_or(DEFAULT_STEPS),
            guidance: self.guidance.unwrap_or(DEFAULT_GUIDANCE),
            seed: self.seed,
            blueprint_seed: self.blueprint_seed,
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
                let own = (default.width, default.height);
                let (width, height) = match (width, height, self.sources.first()) {
                    (Some(width), Some(height), _) => (*width, *height),
                    (None, None, Some(Source { image, .. })) => {
                        let (width, height) = like_source(image, None, None, own);
                        let known = checkpoint.card().map(|card| card.known_size(width, height));
                        known.map_or((width, height), Into::into)
                    }
                    (_, _, Some(Source { image, .. })) => like_source(image, *width, *height, own),
                    _ => (width.unwrap_or(own.0), height.unwrap_or(own.1)),
                };
                (prompts.clone(), width, height, sampling.over(default.sampling))
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
            steps: self.steps.unwrap_or(default.steps),
            guidance: self.guidance.unwrap_or(default.guidance),
            seed: self.seed,
            blueprint_seed: self.blueprint_seed,
            sampling,
            images_per_prompt: self.images_per_prompt,
            noise: self.latents.as_ref().map(|latents| latents.noise.clone()),
            batch_padding: self.batch_padding,
            glyph_tokens: self.glyph_tokens,
        }
    }

    /// What the user should know before the run and need not mend: what was done to source images, sizes that nobody chose,
    /// quoted texts that are lost.
    pub fn remarks(&self, request: &Request) -> Remarks {
        let mut remarks = Remarks::default();
        for Source { path, notes, .. } in &self.sources {
            remarks.notes.extend(notes.iter().map(|note| format!("source    {}: {note}", path.display())));
        }
        let (width, height) = (request.width, request.height);
        if let (Work::Prompts { width: given, height: beside, .. }, Some(source)) =
            (&self.work, self.sources.first())
            && (given.is_none() || beside.is_none())
            && (source.image.width, source.image.height) != (width, height)
        {
            let (path, RgbImage { width: w, height: h, .. }) = (source.path.display(), &source.image);
            let note = format!(
                "source    {path} is {w}x{h}: painting {width}x{height}; -W and -H choose another size"
            );
            remarks.notes.push(note);
        }
        if !self.sources.is_empty() {
            let records: Vec<_> = self.sources.iter().map(|source| SourceRecord::of(&source.image)).collect();
            for blueprint in self.blueprints() {
                let changed = blueprint.changed_sources(&records);
                let paths = changed.iter().filter_map(|&place| self.sources.get(place));
                remarks.warnings.extend(paths.map(|source| {
                    format!("{} has other pixels than the blueprint was written for", source.path.display())
                }));
            }
            remarks.warnings.dedup();
        }
        for (index, prompt) in request.prompts.iter().enumerate() {
            let which =
                if request.prompts.len() > 1 { format!("prompt {}: ", index + 1) } else { String::new() };
            let doubts = quote_doubts(prompt);
            if !doubts.is_empty() {
                let warning = format!("{which}{}; what is spelled is {}", doubts.join("; "), spelled(prompt));
                remarks.warnings.push(warning);
            } else if !glyph_texts(prompt).is_empty() {
                remarks.notes.push(format!("texts     {which}{}", spelled(prompt)));
            }
        }
        remarks
    }

    /// Checks blueprint and request against the model; errors name the file or the prompt at fault.
    pub fn check(&self, request: &Request, pipeline: &Pipeline) -> Result<()> {
        let place = match (&self.resumed, &self.work) {
            (Some((path, _)), _) => path.as_path(),
            (None, Work::Blueprint { place, .. }) => place.as_path(),
            (None, Work::Prompts { .. }) => Path::new(""),
        };
        for blueprint in self.blueprints() {
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

/// The size of a picture that is made from a source image, where the user gave one side at most: the shape of the image,
/// and, without any side, about the area that the model knows. Sides are whole multiples in both.
fn like_source(
    image: &RgbImage,
    width: Option<usize>,
    height: Option<usize>,
    own: (usize, usize),
) -> (usize, usize) {
    let (unit, most) = SIDES;
    let (w, h) = (image.width as f64, image.height as f64);
    let rounded = |side: f64| ((side / unit as f64).round() as usize * unit).clamp(unit, most);
    match (width, height) {
        (Some(width), None) => return (width, rounded(width as f64 * h / w)),
        (None, Some(height)) => return (rounded(height as f64 * w / h), height),
        _ => {}
    }
    let area = (own.0 * own.1) as f64;
    let scale = (area / (w * h)).sqrt() / unit as f64;
    let mut best = (f64::INFINITY, own);
    for columns in [(w * scale).floor(), (w * scale).ceil()] {
        for rows in [(h * scale).floor(), (h * scale).ceil()] {
            let sides = [columns, rows].map(|side| (side as usize * unit).clamp(unit, most));
            let [width, height] = sides.map(|side| side as f64);
            // The shape counts more than the area.
            let cost = (width * h / (height * w)).ln().abs() + (width * height / area).ln().abs() / 4.0;
            if cost < best.0 {
                best = (cost, (sides[0], sides[1]));
            }
        }
    }
    best.1
}

impl Source {
    fn read(path: PathBuf) -> Result<Self> {
        let images::Picture { image, notes } = images::read(&path)?;
        Ok(Self { path, image, notes })
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
    paths.into_iter().map(Source::read).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_sources_shape_and_the_models_area() {
        let size = |width: usize, height: usize, given: [Option<usize>; 2]| {
            let image = RgbImage::new(width, height, vec![0; width * height * 3]).unwrap();
            like_source(&image, given[0], given[1], (512, 512))
        };
        let none = [None; 2];
        for ((width, height), wanted) in [
            ((512, 512), (512, 512)),
            ((480, 544), (480, 544)),
            ((1600, 1200), (608, 448)),
            ((1200, 1600), (448, 608)),
            ((4032, 3024), (608, 448)),
            ((100, 100), (512, 512)),
            ((1920, 1080), (672, 384)),
            ((800, 200), (1024, 256)),
            ((16, 64), (256, 1024)),
        ] {
            assert_eq!(size(width, height, none), wanted, "{width}x{height}");
        }
        assert_eq!(size(1600, 1200, [Some(320), None]), (320, 256));
        assert_eq!(size(1600, 1200, [None, Some(320)]), (416, 320));
        // A side that is no multiple is refused later, with the user's number.
        assert_eq!(size(1600, 1200, [Some(65), None]).0, 65);
        assert_eq!(size(64, 256, [Some(4096), None]), (4096, 4096));
    }
}
