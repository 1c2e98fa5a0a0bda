//! What is asked for.

use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::checkpoint::Checkpoint;
use crate::config::GenerationConfig;
use crate::error::{Error, Field, Result, shown};
use crate::geometry::{MAX_SIDE, TOKEN_PIXELS};
use crate::image::RgbImage;
use crate::prior::sampler::Sampling;
use crate::prompt::{QuoteRule, check_side};

/// Steps when neither the request nor the model's card says, as in the reference.
pub const DEFAULT_STEPS: usize = 50;
/// Guidance when neither the request nor the model's card says, as in the reference.
pub const DEFAULT_GUIDANCE: f32 = 1.5;
/// The most steps that a request may ask for.
pub const MAX_STEPS: usize = 1000;
/// The largest guidance scale that a request may ask for.
pub const MAX_GUIDANCE: f32 = 100.0;
/// The most pictures of one prompt that a request may ask for.
pub const MAX_IMAGES: usize = 10_000;
/// The most pictures of a run.
pub const MAX_RUN_IMAGES: usize = 1_000_000;
/// The most tokens that glyph embeddings are padded to.
pub const MAX_GLYPH_TOKENS: usize = 1 << 16;
/// Temperature where `generation_config.json` has none, as in the project's readme.
const DEFAULT_TEMPERATURE: f32 = 0.9;
/// Nucleus mass where `generation_config.json` has none, as in the project's readme.
const DEFAULT_TOP_P: f32 = 0.75;
/// A configuration without `top_k` means 50 in the reference's library, not "off" (spec 4.4).
const DEFAULT_TOP_K: usize = 50;

/// One run: prompts (and source images), or blueprints, to pictures. What is left out has the model's own default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "EngineRequest", optional_fields))]
pub struct Request {
    /// What the run starts from.
    pub start: Start,
    /// The source images, used with every prompt; none for text to image.
    #[serde(skip)]
    pub sources: Vec<RgbImage>,
    /// Width in pixels: a multiple of 32 in 32..=4096. A blueprint has its own; with source images and one side at most, the
    /// picture has the first one's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Height in pixels, as the width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<usize>,
    /// Steps of the painter, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Guidance scale, 0 to 100; up to 1 there is no guidance and each step costs half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance: Option<f32>,
    /// Picture `k` of the run has the seed `seed + k`. Without one it is 0, and a blueprint's own for its first picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The seed of the first prompt's blueprint where it is not `seed`: the pictures of a prompt share the blueprint of the
    /// first of them, so that the second one alone needs both seeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blueprint_seed: Option<u64>,
    /// Sampling temperature of the architect, 0 to 100; 0 is greedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Nucleus sampling, in (0, 1]; 1 turns it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Top-k sampling, 0 to 1,000,000; 0 turns it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// How quotation marks are read; a blueprint has its own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotes: Option<QuoteRule>,
    /// Pictures of each prompt or blueprint, 1 to 10,000, and no more than 1,000,000 in all; they share one blueprint.
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub images_per_prompt: usize,
    /// Initial noise to use instead of the seed's.
    #[serde(skip)]
    pub latents: Option<Noise>,
    /// With several prompts, pad the glyph embeddings to one length as the reference does in a batch, so that a picture
    /// depends slightly on its mates. Without it every prompt is painted as if alone.
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub batch_padding: bool,
    /// Pad the glyph embeddings of every prompt to at least this many tokens: what [`PaintOptions::glyph_tokens`] noted of
    /// a picture from a batch, to paint it again alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glyph_tokens: Option<usize>,
}

/// What a run starts from; at least one of either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
pub enum Start {
    /// The architect writes a blueprint of each.
    Prompts(Vec<Prompt>),
    /// Blueprints are written already.
    Blueprints(Vec<Blueprint>),
}

/// A prompt, and what is its own in a run of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct Prompt {
    /// What is to be drawn; quoted texts are spelled.
    pub text: String,
    /// Width in pixels where it is not the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Height in pixels where it is not the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<usize>,
    /// The seed of its blueprint and of its first picture where they do not follow from the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// Initial noise given by the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// `[images, channels, height / 8, width / 8]`.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// How the architect writes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArchitectOptions {
    /// Width of the picture, in pixels.
    pub width: usize,
    /// Height of the picture, in pixels.
    pub height: usize,
    /// Seed of the token draws.
    pub seed: u64,
    /// How tokens are drawn.
    pub sampling: Sampling,
}

/// How the painter paints one picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct PaintOptions {
    /// Steps, at least 1.
    pub steps: usize,
    /// Guidance scale.
    pub guidance: f32,
    /// Seed of the initial noise.
    pub seed: u64,
    /// Pad the glyph embedding with zero vectors to this many tokens: what a prompt gets in a batch with longer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glyph_tokens: Option<usize>,
}

impl PaintOptions {
    /// The request that paints a picture of this blueprint so again.
    pub fn request(&self, blueprint: Blueprint) -> Request {
        let Self { steps, guidance, seed, glyph_tokens } = *self;
        Request {
            steps: Some(steps),
            guidance: Some(guidance),
            seed: Some(seed),
            glyph_tokens,
            ..Request::of_blueprints([blueprint])
        }
    }
}

/// What a request may leave out: the model's own defaults, or what they make of a request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Settings {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Steps of the painter.
    pub steps: usize,
    /// Guidance scale.
    pub guidance: f32,
    /// How tokens are drawn.
    #[serde(flatten)]
    pub sampling: Sampling,
}

impl Settings {
    /// The defaults of a model: those of its card and its configuration.
    pub fn default_of(checkpoint: &Checkpoint) -> Self {
        let (config, card) = (checkpoint.config(), checkpoint.card());
        Self {
            width: config.vae.sample_size,
            height: config.vae.sample_size,
            steps: card.and_then(|card| card.default_steps).unwrap_or(DEFAULT_STEPS),
            guidance: card.and_then(|card| card.default_guidance).unwrap_or(DEFAULT_GUIDANCE),
            sampling: default_sampling(&config.generation),
        }
    }
}

/// The sampling that `generation_config.json` asks for.
pub fn default_sampling(config: &GenerationConfig) -> Sampling {
    Sampling {
        temperature: config.temperature.unwrap_or(DEFAULT_TEMPERATURE),
        top_p: config.top_p.unwrap_or(DEFAULT_TOP_P),
        top_k: Some(config.top_k.unwrap_or(DEFAULT_TOP_K)),
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl Start {
    /// Prompts of the run, those of blueprints included.
    pub fn len(&self) -> usize {
        match self {
            Self::Prompts(prompts) => prompts.len(),
            Self::Blueprints(blueprints) => blueprints.len(),
        }
    }

    /// Whether there is nothing to start from.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Request {
    /// Nothing is said.
    fn default() -> Self {
        Self {
            start: Start::Prompts(Vec::new()),
            sources: Vec::new(),
            width: None,
            height: None,
            steps: None,
            guidance: None,
            seed: None,
            blueprint_seed: None,
            temperature: None,
            top_p: None,
            top_k: None,
            quotes: None,
            images_per_prompt: 1,
            latents: None,
            batch_padding: true,
            glyph_tokens: None,
        }
    }
}

impl Request {
    /// A picture of each prompt, with the model's own defaults.
    pub fn new<P: Into<Prompt>>(prompts: impl IntoIterator<Item = P>) -> Self {
        let prompts = prompts.into_iter().map(Into::into).collect();
        Self { start: Start::Prompts(prompts), ..Self::default() }
    }

    /// A picture of each blueprint.
    pub fn of_blueprints(blueprints: impl IntoIterator<Item = Blueprint>) -> Self {
        Self { start: Start::Blueprints(blueprints.into_iter().collect()), ..Self::default() }
    }

    /// Checks every field that can be checked without the model.
    ///
    /// # Errors
    /// [`Error::Request`] naming the field, and the prompt where there are several.
    pub fn validate(&self) -> Result<()> {
        if self.start.is_empty() {
            return Err(Error::request(Field::Prompt, "at least one prompt", "none"));
        }
        if let Start::Prompts(prompts) = &self.start {
            for (index, prompt) in prompts.iter().enumerate() {
                prompt.validate().map_err(|error| error.of_prompt(index, prompts.len()))?;
            }
        }
        check_sides(self.width, self.height)?;
        check_count(Field::Steps, self.steps, 1, MAX_STEPS)?;
        if let Some(guidance) = self.guidance.filter(|guidance| !(0.0..=MAX_GUIDANCE).contains(guidance)) {
            let expected = format!("a number from 0 to {MAX_GUIDANCE}");
            return Err(Error::request(Field::Guidance, expected, shown(guidance)));
        }
        self.sampling(Sampling::GREEDY).validate()?;
        check_count(Field::ImagesPerPrompt, Some(self.images_per_prompt), 1, MAX_IMAGES)?;
        if self.images() > MAX_RUN_IMAGES {
            let prompts = self.start.len();
            let expected = format!("no more than {MAX_RUN_IMAGES} pictures in all, for {prompts} prompts");
            return Err(Error::request(Field::ImagesPerPrompt, expected, self.images_per_prompt));
        }
        check_count(Field::GlyphTokens, self.glyph_tokens, 0, MAX_GLYPH_TOKENS)
    }

    /// Pictures of the whole run.
    pub fn images(&self) -> usize {
        self.start.len().saturating_mul(self.images_per_prompt)
    }

    /// How one of its pictures is painted.
    pub(super) fn paint_options(
        &self,
        settings: &Settings,
        seed: u64,
        glyph_tokens: Option<usize>,
    ) -> PaintOptions {
        let Settings { steps, guidance, .. } = *settings;
        PaintOptions { steps, guidance, seed, glyph_tokens: glyph_tokens.max(self.glyph_tokens) }
    }

    /// The first picture of a prompt.
    pub(super) fn first_image(&self, prompt: usize) -> usize {
        prompt.saturating_mul(self.images_per_prompt)
    }

    /// How tokens are drawn, with the rest from `default`.
    pub fn sampling(&self, default: Sampling) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(default.temperature),
            top_p: self.top_p.unwrap_or(default.top_p),
            top_k: self.top_k.map_or(default.top_k, |top_k| (top_k > 0).then_some(top_k)),
        }
    }

    /// What the request means for a model.
    pub(super) fn settings(&self, checkpoint: &Checkpoint) -> Settings {
        let default = Settings::default_of(checkpoint);
        let own = (default.width, default.height);
        let (width, height) = match (self.width, self.height, self.sources.first()) {
            (Some(width), Some(height), _) => (width, height),
            (None, None, Some(source)) => {
                let (width, height) = like_source(source, None, None, own);
                let known = checkpoint.card().map(|card| card.known_size(width, height));
                known.map_or((width, height), Into::into)
            }
            (width, height, Some(source)) => like_source(source, width, height, own),
            (width, height, None) => (width.unwrap_or(own.0), height.unwrap_or(own.1)),
        };
        Settings {
            width,
            height,
            steps: self.steps.unwrap_or(default.steps),
            guidance: self.guidance.unwrap_or(default.guidance),
            sampling: self.sampling(default.sampling),
        }
    }

    /// The same request with nothing left to the model: it means the same when the model's defaults are others.
    pub(super) fn with_settings(&self, settings: &Settings) -> Self {
        let Sampling { temperature, top_p, top_k } = settings.sampling;
        Self {
            width: Some(settings.width),
            height: Some(settings.height),
            steps: Some(settings.steps),
            guidance: Some(settings.guidance),
            temperature: Some(temperature),
            top_p: Some(top_p),
            top_k: top_k.or(Some(0)),
            quotes: Some(self.quotes.unwrap_or_default()),
            ..self.clone()
        }
    }
}

impl Prompt {
    fn validate(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(Error::request(Field::Prompt, "some text", "only white space or nothing"));
        }
        check_sides(self.width, self.height)
    }
}

/// Checks a whole number, if there is one.
fn check_count(field: Field, count: Option<usize>, least: usize, most: usize) -> Result<()> {
    match count.filter(|count| !(least..=most).contains(count)) {
        Some(count) => Err(Error::request(field, format!("{least} to {most}"), count)),
        None => Ok(()),
    }
}

fn check_sides(width: Option<usize>, height: Option<usize>) -> Result<()> {
    for (field, side) in [(Field::Width, width), (Field::Height, height)] {
        side.map_or(Ok(()), |side| check_side(field, side))?;
    }
    Ok(())
}

/// The size of a picture that is made from a source image, where the caller gave one side at most: the shape of the image,
/// and, without any side, about the area that the model knows. Sides are whole multiples in both.
fn like_source(
    image: &RgbImage,
    width: Option<usize>,
    height: Option<usize>,
    own: (usize, usize),
) -> (usize, usize) {
    let (unit, most) = (TOKEN_PIXELS, MAX_SIDE);
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

impl Noise {
    /// The values of one picture of the run.
    ///
    /// # Errors
    /// [`Error::Request`] when the shape is not `expected`.
    pub(super) fn picture(&self, image: usize, expected: [usize; 4]) -> Result<&[f32]> {
        let wanted = format!("f32 {expected:?}");
        let len: usize = expected[1..].iter().product();
        let slice = self.values.get(image * len..(image + 1) * len);
        match slice {
            Some(values) if self.shape == expected => Ok(values),
            _ => Err(Error::request(Field::Latents, wanted, format!("{:?}", self.shape))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prior::sampler::{MAX_TEMPERATURE, MAX_TOP_K};

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
        assert_eq!(size(64, 256, [Some(4096), None]), (4096, 4096));
    }

    #[test]
    fn every_number_has_a_range() {
        let good = Request {
            steps: Some(MAX_STEPS),
            guidance: Some(MAX_GUIDANCE),
            images_per_prompt: MAX_IMAGES,
            glyph_tokens: Some(MAX_GLYPH_TOKENS),
            temperature: Some(MAX_TEMPERATURE),
            top_k: Some(MAX_TOP_K),
            ..Request::new(["x"])
        };
        good.validate().unwrap();
        type Change = fn(&mut Request);
        let changes: [(Field, Change); 10] = [
            (Field::Steps, |request| request.steps = Some(0)),
            (Field::Steps, |request| request.steps = Some(MAX_STEPS + 1)),
            (Field::Guidance, |request| request.guidance = Some(f32::NAN)),
            (Field::Guidance, |request| request.guidance = Some(100.5)),
            (Field::ImagesPerPrompt, |request| request.images_per_prompt = 0),
            (Field::ImagesPerPrompt, |request| request.images_per_prompt = usize::MAX),
            (Field::ImagesPerPrompt, |request| request.start = Request::new(vec!["x"; 101]).start),
            (Field::GlyphTokens, |request| request.glyph_tokens = Some(usize::MAX)),
            (Field::Temperature, |request| request.temperature = Some(1e30)),
            (Field::TopK, |request| request.top_k = Some(usize::MAX)),
        ];
        for (expected, change) in changes {
            let mut bad = good.clone();
            change(&mut bad);
            match bad.validate() {
                Err(Error::Request { field, .. }) => assert_eq!(field, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn json_leaves_out_what_is_not_said() {
        let request = Request { top_k: Some(0), ..Request::new(["a 'cat'"]) };
        let json = serde_json::to_value(&request).unwrap();
        let expected = serde_json::json!({
            "start": {"prompts": [{"text": "a 'cat'"}]}, "top_k": 0, "images_per_prompt": 1, "batch_padding": true,
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Request>(json).unwrap(), request);
        let short: Request = serde_json::from_str(r#"{"start": {"prompts": [{"text": "x"}]}}"#).unwrap();
        assert_eq!(short, Request::new(["x"]));
        let unknown = serde_json::from_str::<Request>(r#"{"stps": 4}"#).unwrap_err().to_string();
        assert!(unknown.contains("unknown field `stps`"), "{unknown}");
    }
}
