//! What a run needs on the device, stage by stage, before a single weight is read.
//!
//! A stage's peak is its weights, what is *persistent* (caches, conditions), and the largest of its *allocation points*:
//! the buffers that are alive together while one operation runs. Each stage's file lists its points beside the code that
//! they follow. Shared rules:
//!
//! * Every number is f32, but for packed weights and where an element size is a parameter.
//! * An operation has its inputs and its result alive; results reuse no input, except where burn adds in place.
//! * A convolution that is not ours (1×1, or halving) also has a copy of its input with channels last.
//! * Attention and packed products have no buffer beyond their results: kernels read words and scores where they are.
//! * What does not grow with the picture, such as the tiles of threads and the sizes that kernels read, has [`WORKSPACE`].
//! * Allocators keep freed buffers for reuse and round sizes up. That is theirs and not counted.

mod architect;
mod decoder;
mod painter;
mod sources;
mod stage;
mod vae;
mod weights;

pub use stage::{AllocationPoint, MemoryPlan, Part, StagePlan, WeightsPlan};

use atelier_weights::TensorEntry;

use crate::config::ModelConfig;
use crate::error::{Error, Field, Result};
use crate::image::{usable_size, vae_size, vision_size};
use crate::prior::CachePrecision;
use crate::progress::Stage;
use crate::prompt::check_size;
use crate::vae::BAND_BYTES;

/// Bytes of a number on the device.
pub const F32: u64 = 4;
/// Room for whatever is small and does not grow with the picture, in bytes.
pub const WORKSPACE: u64 = 8 << 20;
/// No buffer of activations is made larger than this where there is a choice: many devices take no more.
pub const MOST_BUFFER: u64 = 1 << 30;

/// The run that is planned.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// Width of the picture in pixels.
    pub width: usize,
    /// Height of the picture in pixels.
    pub height: usize,
    /// Source images.
    pub sources: usize,
    /// Width and height of the largest of them in pixels; those of the picture where nobody says.
    pub source_size: Option<[usize; 2]>,
    /// Tokens of the prompt's own text, with the words about sizes; source images come on top.
    pub prompt_tokens: usize,
    /// Bytes of the quoted texts, with their ends.
    pub glyph_tokens: usize,
    /// Whether the guidance is above 1, so that each step paints twice.
    pub guided: bool,
    /// The architect's keys and values, and those of source images; without a word, of 16 bits where 32 are too much for
    /// the budget.
    pub cache: Option<CachePrecision>,
    /// Whether the model is a pack, whose matrices stay packed.
    pub packed: bool,
    /// Bytes that the device may give: the decoder then works in bands if it must, and the cache is of 16 bits.
    pub budget: Option<u64>,
    /// Bytes of a buffer that the device takes at most; the decoder works in bands where whole maps are larger.
    pub most_buffer: u64,
    /// Bytes of such a band; [`BAND_BYTES`] unless another decoder than the pipeline's is planned.
    pub band_bytes: u64,
}

impl PlanRequest {
    /// Text to image with guidance, a long prompt and a long text in it.
    pub fn new(width: usize, height: usize, packed: bool) -> Self {
        Self {
            width,
            height,
            sources: 0,
            source_size: None,
            prompt_tokens: 256,
            glyph_tokens: 256,
            guided: true,
            cache: None,
            packed,
            budget: None,
            most_buffer: MOST_BUFFER,
            band_bytes: BAND_BYTES,
        }
    }
}

/// Plans a run of the model `config` whose tensors are stored as `tensors` says.
///
/// # Errors
/// [`Error::Request`] for sizes that cannot be painted, or used as source images; a tensor that `tensors` lacks.
pub fn plan(config: &ModelConfig, tensors: &[TensorEntry], request: &PlanRequest) -> Result<MemoryPlan> {
    check_size(request.width, request.height)?;
    let sizes = SourceSizes::of(config, request)?;
    let mut stages = Vec::new();
    for &stage in Stage::ALL {
        if stage == Stage::Sources && request.sources == 0 {
            continue;
        }
        let weights = weights::weights(config, stage, tensors, request.packed)?;
        stages.push(match stage {
            Stage::Sources => sources::plan(config, &sizes, weights),
            Stage::Architect => architect::plan(config, request, &sizes, weights),
            Stage::Painter => painter::plan(config, request, &sizes, weights),
            Stage::Decoder => decoder::plan(config, request, weights),
        });
    }
    Ok(MemoryPlan { stages })
}

/// The plan of a stage with a cache: of 32 bits where that fits, or nobody says what would.
fn choose_cache(request: &PlanRequest, with: impl Fn(CachePrecision) -> StagePlan) -> StagePlan {
    if let Some(cache) = request.cache {
        return with(cache);
    }
    let plan = with(CachePrecision::F32);
    let fits = request.budget.is_none_or(|budget| plan.peak() <= budget);
    if fits { plan } else { with(CachePrecision::F16) }
}

/// What the stages see of the source images, all of one size.
struct SourceSizes {
    count: usize,
    /// Rows and columns of visual tokens.
    grid: [usize; 2],
    /// Height and width that the VAE reads, in pixels.
    pixels: [usize; 2],
}

impl SourceSizes {
    fn of(config: &ModelConfig, request: &PlanRequest) -> Result<Self> {
        if request.sources == 0 {
            return Ok(Self { count: 0, grid: [0; 2], pixels: [0; 2] });
        }
        let c = &config.processor;
        let [width, height] = request.source_size.unwrap_or([request.width, request.height]);
        let (width, height) = usable_size(width, height, c.patch_size, c.min_pixels, c.max_pixels)?;
        let (rows, columns) = vision_size(width, height, c.patch_size, c.min_pixels, c.max_pixels)?;
        let pixels = vae_size(width, height);
        if request.sources > 1000 {
            return Err(Error::request(Field::Images, "at most 1000", request.sources));
        }
        Ok(Self {
            count: request.sources,
            grid: [rows / c.patch_size, columns / c.patch_size],
            pixels: [pixels.0, pixels.1],
        })
    }

    /// Visual tokens of one source.
    fn codes(&self) -> usize {
        self.grid[0] * self.grid[1]
    }
}
