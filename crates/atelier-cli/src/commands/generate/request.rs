//! What is asked for, with every file read and checked that can be before the model is.

use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use atelier::prompt::spelled;
use atelier::record::RunRecord;
use atelier::rng::{MAX_SEED, RANDOM_SEEDS};
use atelier::{Blueprint, Request, RgbImage, Run, Settings, SourceRecord, Start};

use crate::args::{GenerateArgs, Seed};
use crate::error::{Error, Result};
use crate::io::latents::Latents;
use crate::io::unfinished::Unfinished;
use crate::io::{blueprints, files, images, metadata};
use crate::model::Model;

/// The longest prompt file, in bytes.
const MAX_PROMPTS: u64 = 16 << 20;

/// What the command line and the files that it names ask for.
#[derive(Debug)]
pub struct Inputs {
    pub request: Request,
    /// The files of the request's source images.
    pub sources: Vec<Source>,
    /// The file of the request's noise.
    pub latents: Option<Latents>,
    /// The file that blueprints come from, for messages.
    location: Option<PathBuf>,
    pub model: Model,
    /// Where the run is repeated: the device it was made on.
    pub recorded_device: Option<String>,
    /// Where it goes on: the file of the run, and what that says.
    pub resumed: Option<(PathBuf, Unfinished)>,
}

/// What the user should know before the run.
#[derive(Debug, Default)]
pub struct Remarks {
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// Where a source image came from.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    /// What was done to make it one.
    notes: Vec<&'static str>,
}

impl Inputs {
    /// Reads the command line and every file it names.
    pub fn new(args: &GenerateArgs) -> Result<Self> {
        if let Some(path) = &args.resume {
            return Self::resume(args, path);
        }
        let recorded = args.from.as_deref().map(metadata::read).transpose()?;
        let base = match (&recorded, &args.blueprint) {
            (Some(run), _) => run.request(),
            (None, Some(file)) => Request::of_blueprints([blueprints::read(file)?]),
            (None, None) => Request { seed: Some(random_seed()), ..Request::new(prompts(args)?) },
        };
        let model =
            Model::choose(args.device.model.as_ref(), recorded.as_ref().map(|run| run.model.as_str()));
        if let (Some(png), None, false) = (&args.from, &args.device.model, model.is_there()) {
            let expected = format!("the folder of {model}, which made {}", png.display());
            return Err(Error::flag("--model", expected, "none"));
        }
        let (sources, images) = sources(source_paths(args, recorded.as_ref()))?;
        let latents = latents(args, recorded.as_ref())?;
        let request = Request {
            sources: images,
            seed: match args.seed {
                Some(Seed::Number(seed)) => Some(seed),
                Some(Seed::Random) => Some(random_seed()),
                None => base.seed,
            },
            latents: latents.as_ref().map(|latents| latents.noise.clone()),
            ..args.over(base)
        };
        request.validate()?;
        let images = request.images() as u64;
        if let (Some(_), Some(seed)) = (args.seed, request.seed)
            && seed.saturating_add(images) > MAX_SEED + 1
        {
            let expected = format!("at most {} for {images} pictures", (MAX_SEED + 1).saturating_sub(images));
            return Err(Error::flag("--seed", expected, seed));
        }
        let location = args.from.clone().or_else(|| args.blueprint.clone());
        let recorded_device = recorded.map(|run| run.device);
        Ok(Self { request, sources, latents, location, model, recorded_device, resumed: None })
    }

    /// Goes on with a run: everything but the device is as it was.
    fn resume(args: &GenerateArgs, path: &Path) -> Result<Self> {
        let run = Unfinished::read(path)?;
        let (sources, images) = sources(run.sources.clone())?;
        let request = Request { sources: images, ..run.request.clone() };
        request.validate().map_err(|error| Error::input(path, error))?;
        Ok(Self {
            request,
            sources,
            latents: None,
            location: Some(path.to_owned()),
            model: Model::choose(args.device.model.as_ref(), Some(&run.model)),
            recorded_device: Some(run.device.clone()),
            resumed: Some((path.to_owned(), run)),
        })
    }

    /// Whether a picture, counted from 0, is there from before.
    pub fn is_saved(&self, image: usize) -> bool {
        self.resumed.as_ref().is_some_and(|(_, run)| run.is_saved(image))
    }

    /// Takes up what was interrupted.
    pub fn take_up(&self, run: &mut Run<'_>) -> Result<()> {
        if let Some((_, unfinished)) = &self.resumed {
            run.resume(unfinished.blueprints.iter().cloned()).map_err(|error| self.located(error))?;
            run.skip(|image| unfinished.is_saved(image));
        }
        Ok(())
    }

    /// An error of the library with the file that is at fault.
    pub fn located(&self, error: impl Into<Error>) -> Error {
        let is_prompt = |field| field == atelier::Field::Prompt && self.blueprints().next().is_some();
        match (error.into(), &self.location) {
            (Error::Model(atelier::Error::SourceImage { index, expected, found }), _)
                if index < self.sources.len() =>
            {
                Error::input(&self.sources[index].path, format!("expected {expected}, found {found}"))
            }
            (Error::Model(error @ atelier::Error::Blueprint { .. }), Some(path)) => Error::input(path, error),
            (Error::Model(error @ atelier::Error::Request { field, .. }), Some(path)) if is_prompt(field) => {
                Error::input(path, error)
            }
            (error, _) => error,
        }
    }

    /// The blueprints that are there before the run.
    fn blueprints(&self) -> impl Iterator<Item = &Blueprint> {
        let started = match &self.request.start {
            Start::Blueprints(blueprints) => blueprints.as_slice(),
            Start::Prompts(_) => &[],
        };
        let resumed = self.resumed.iter().flat_map(|(_, run)| &run.blueprints);
        started.iter().chain(resumed)
    }

    /// What the user should know before the run and need not mend: what was done to source images, sizes that nobody chose,
    /// quoted texts that are lost.
    pub fn remarks(&self, run: &Run<'_>) -> Remarks {
        let mut remarks = Remarks::default();
        for Source { path, notes } in &self.sources {
            remarks.notes.extend(notes.iter().map(|note| format!("source    {}: {note}", path.display())));
        }
        let Settings { width, height, .. } = run.settings();
        let images = &self.request.sources;
        if let (Start::Prompts(_), Some(source), Some(image)) =
            (&self.request.start, self.sources.first(), images.first())
            && (self.request.width.is_none() || self.request.height.is_none())
            && (image.width, image.height) != (width, height)
        {
            let (path, w, h) = (source.path.display(), image.width, image.height);
            let note = format!(
                "source    {path} is {w}x{h}: painting {width}x{height}; -W and -H choose another size"
            );
            remarks.notes.push(note);
        }
        if !images.is_empty() {
            let records: Vec<_> = images.iter().map(SourceRecord::of).collect();
            for blueprint in self.blueprints() {
                let changed = blueprint.changed_sources(&records);
                let paths = changed.iter().filter_map(|&place| self.sources.get(place));
                remarks.warnings.extend(paths.map(|source| {
                    format!("{} has other pixels than the blueprint was written for", source.path.display())
                }));
            }
            remarks.warnings.dedup();
        }
        let several = run.prompts().len() > 1;
        for (index, prompt) in run.prompts().iter().enumerate() {
            let which = if several { format!("prompt {}: ", index + 1) } else { String::new() };
            let doubts = prompt.quotes.doubts(&prompt.text);
            let spelled = spelled(&prompt.quoted);
            if !doubts.is_empty() {
                let warning = format!("{which}{}; what is spelled is {spelled}", doubts.join("; "));
                remarks.warnings.push(warning);
            } else if !prompt.quoted.is_empty() {
                remarks.notes.push(format!("texts     {which}{spelled}"));
            }
        }
        remarks
    }
}

fn prompts(args: &GenerateArgs) -> Result<Vec<String>> {
    let mut prompts: Vec<String> = args.prompt.iter().chain(&args.more_prompts).cloned().collect();
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

fn source_paths(args: &GenerateArgs, recorded: Option<&RunRecord>) -> Vec<PathBuf> {
    match (recorded, &args.from) {
        (Some(run), Some(png)) if args.image.is_empty() => {
            run.sources.iter().map(|source| find_source(Path::new(source), png)).collect()
        }
        _ => args.image.clone(),
    }
}

fn sources(paths: Vec<PathBuf>) -> Result<(Vec<Source>, Vec<RgbImage>)> {
    let read = |path: PathBuf| {
        let images::Picture { image, notes } = images::read(&path)?;
        Ok((Source { path, notes }, image))
    };
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

/// From the system's randomness, which seeds every hash map.
fn random_seed() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish() % RANDOM_SEEDS
}
