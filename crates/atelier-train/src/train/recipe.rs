//! The sizes of mini, as the configuration files of its checkpoint.

use atelier::config::ModelConfig;
use atelier::preview::Preview;
use serde_json::{Value, json};

use super::error::{Result, TrainError};

/// Side of the pictures mini is made for, in pixels.
pub const SIDE: u32 = 512;
/// Ids after the codes that stand for no picture: image start, image end, and unused ones.
const VISUAL_EXTRA: usize = 16;
/// Base of the architect's rotary frequencies: all are fast, for a grid has sixteen columns and not thousands.
pub const ROPE_THETA: f64 = 10.0;
/// Rotary frequencies of a head of the architect.
pub const ROPE_FREQUENCIES: usize = 8;
/// Channels of a head of the architect.
pub const HEAD_DIM: usize = 32;
/// Number of byte tokens.
pub const BYTES: usize = 256;
/// The tokens after the bytes, in order, with the public checkpoint's names.
const SPECIAL: [&str; 16] = [
    "<|endoftext|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
    "<|image|>",
    "<|video|>",
];

/// Everything about mini that follows from the number of its codes.
#[derive(Debug, Clone)]
pub struct Recipe {
    codes: usize,
}

impl Recipe {
    /// A model with this many visual codes.
    pub fn new(codes: usize) -> Self {
        Self { codes }
    }

    /// The number of codes.
    pub fn codes(&self) -> usize {
        self.codes
    }

    /// The id before a picture.
    pub fn image_start(&self) -> usize {
        self.codes
    }

    /// Rows of the architect's head.
    pub fn visual_vocabulary(&self) -> usize {
        self.codes + VISUAL_EXTRA
    }

    /// The id of a byte of the prompt.
    pub fn byte(&self, byte: u8) -> usize {
        self.visual_vocabulary() + usize::from(byte)
    }

    /// The id of a special token.
    fn special(&self, name: &str) -> usize {
        let place = SPECIAL.iter().position(|special| *special == name).unwrap_or(0);
        self.visual_vocabulary() + BYTES + place
    }

    /// Rows of the architect's embedding.
    pub fn vocabulary(&self) -> usize {
        (self.visual_vocabulary() + BYTES + SPECIAL.len()).next_multiple_of(8)
    }

    /// The ids of a text-to-image prompt for a square of `cells` cells, as the checkpoint's tokenizer makes them.
    pub fn prompt_ids(&self, prompt: &str, cells: usize) -> Vec<u32> {
        let bytes = |text: &str| text.bytes().map(|byte| self.byte(byte)).collect::<Vec<_>>();
        let size = |side: usize| {
            [vec![self.special("<sop>")], bytes(&format!("{side} {side}")), vec![self.special("<eop>")]]
                .concat()
        };
        let ids = [bytes(prompt), size(cells), size(16), vec![self.image_start()]].concat();
        ids.into_iter().map(|id| id as u32).collect()
    }

    /// The checkpoint's files beside the weights: path and contents. The latent statistics are measured on the trained
    /// VAE, and so is what makes previews.
    pub fn files(&self, mean: &[f32], std: &[f32], preview: &Preview) -> Vec<(&'static str, String)> {
        let mut configurations = self.configurations(mean, std);
        let (factors, bias) = preview.factors();
        for (path, value) in &mut configurations {
            if *path == "vae/config.json" {
                value["latent_rgb_factors"] = json!(factors);
                value["latent_rgb_factors_bias"] = json!(bias);
            }
        }
        let pretty = |value: &Value| format!("{value:#}\n");
        let mut files: Vec<(&'static str, String)> =
            configurations.iter().map(|(path, value)| (*path, pretty(value))).collect();
        files.push(("processor/tokenizer.json", pretty(&self.tokenizer())));
        files.push(("processor/chat_template.jinja", CHAT_TEMPLATE.to_owned()));
        files
    }

    /// The sizes as the model reads them.
    ///
    /// # Errors
    /// The files contradict the model's own types.
    pub fn config(&self, latents_mean: &[f32], latents_std: &[f32]) -> Result<ModelConfig> {
        let files = self.configurations(latents_mean, latents_std);
        let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, value)| value.clone());
        let all = json!({
            "prior": read("vision_language_encoder/config.json"),
            "generation": read("vision_language_encoder/generation_config.json"),
            "processor": read("processor/preprocessor_config.json"),
            "glyph_encoder": read("text_encoder/config.json"),
            "transformer": read("transformer/config.json"),
            "vae": read("vae/config.json"),
            "scheduler": read("scheduler/scheduler_config.json"),
        });
        serde_json::from_value(all).map_err(|error| TrainError::file("mini's configuration", error))
    }

    fn configurations(&self, latents_mean: &[f32], latents_std: &[f32]) -> Vec<(&'static str, Value)> {
        let image_end = self.codes + 1;
        let pad = self.special("<|endoftext|>");
        let down = "DownEncoderBlock2D";
        let up = "UpDecoderBlock2D";
        vec![
            (
                "model_index.json",
                json!({
                    "_class_name": "GlmImagePipeline",
                    "_diffusers_version": "0.42.1",
                    "processor": ["transformers", "GlmImageProcessor"],
                    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
                    "text_encoder": ["transformers", "T5EncoderModel"],
                    "tokenizer": ["transformers", "ByT5Tokenizer"],
                    "transformer": ["diffusers", "GlmImageTransformer2DModel"],
                    "vae": ["diffusers", "AutoencoderKL"],
                    "vision_language_encoder": ["transformers", "GlmImageForConditionalGeneration"],
                }),
            ),
            (
                "vision_language_encoder/config.json",
                json!({
                    "architectures": ["GlmImageForConditionalGeneration"],
                    "dtype": "float16",
                    "image_end_token_id": image_end,
                    "image_start_token_id": self.image_start(),
                    "image_token_id": self.special("<|image|>"),
                    "model_type": "glm_image",
                    "text_config": {
                        "attention_bias": true,
                        "attention_dropout": 0.0,
                        "dtype": "float16",
                        "eos_token_id": image_end,
                        "head_dim": HEAD_DIM,
                        "hidden_act": "silu",
                        "hidden_size": 192,
                        "initializer_range": 0.02,
                        "intermediate_size": 384,
                        "max_position_embeddings": 4096,
                        "model_type": "glm_image_text",
                        "num_attention_heads": 6,
                        "num_hidden_layers": 6,
                        "num_key_value_heads": 3,
                        "pad_token_id": pad,
                        "rms_norm_eps": 1e-5,
                        "rope_parameters": {
                            // One frequency for t, y and x in turn: each axis needs fast ones and slow ones.
                            "mrope_section": vec![1; ROPE_FREQUENCIES],
                            "partial_rotary_factor": 0.5,
                            "rope_theta": ROPE_THETA,
                            "rope_type": "default",
                        },
                        "use_cache": true,
                        "vision_vocab_size": self.visual_vocabulary(),
                        "vocab_size": self.vocabulary(),
                    },
                    "tie_word_embeddings": false,
                    "transformers_version": "5.23.0",
                    "vision_config": {
                        "attention_bias": true,
                        "attention_dropout": 0.0,
                        "depth": 3,
                        "dtype": "float16",
                        "hidden_act": "gelu",
                        "hidden_size": 128,
                        "image_size": SIDE,
                        "in_channels": 3,
                        "initializer_range": 0.02,
                        "intermediate_size": 256,
                        "layer_norm_eps": 1e-6,
                        "model_type": "glm_image_vision",
                        "num_heads": 4,
                        "patch_size": 16,
                        "spatial_merge_size": 1,
                    },
                    "vq_config": {
                        "dtype": "float16",
                        "embed_dim": 64,
                        "in_channels": 3,
                        "initializer_range": 0.02,
                        "latent_channels": 128,
                        "model_type": "glm_image_vqmodel",
                        "num_embeddings": self.codes,
                    },
                }),
            ),
            (
                "vision_language_encoder/generation_config.json",
                json!({
                    "do_sample": true,
                    "eos_token_id": image_end,
                    "pad_token_id": pad,
                    // GLM-Image has 0.9. A prompt of mini's has one right blueprint: chance can only spoil it.
                    "temperature": 0.5,
                    "top_p": 0.75,
                    "transformers_version": "5.23.0",
                }),
            ),
            (
                "processor/preprocessor_config.json",
                json!({
                    "min_pixels": 512 * 512,
                    "max_pixels": 2048 * 2048,
                    "do_rescale": true,
                    "do_normalize": true,
                    "do_resize": true,
                    "patch_size": 16,
                    "temporal_patch_size": 1,
                    "merge_size": 1,
                    "image_mean": [0.5, 0.5, 0.5],
                    "image_std": [0.5, 0.5, 0.5],
                    "image_processor_type": "GlmImageImageProcessor",
                    "processor_class": "GlmImageProcessor",
                    "resample": 3,
                    "rescale_factor": 1.0 / 255.0,
                }),
            ),
            (
                "processor/tokenizer_config.json",
                json!({
                    "backend": "tokenizers",
                    "bos_token": "<|dit_token_16384|>",
                    "clean_up_tokenization_spaces": false,
                    "eos_token": "<|dit_token_16385|>",
                    "extra_special_tokens": [],
                    "grid_bos_token": "<sop>",
                    "grid_eos_token": "<eop>",
                    "image_token": "<|image|>",
                    "model_input_names": ["input_ids", "attention_mask"],
                    "model_max_length": 65536,
                    "pad_token": "<|dit_token_16385|>",
                    "padding_side": "left",
                    "processor_class": "GlmImageProcessor",
                    "tokenizer_class": "TokenizersBackend",
                }),
            ),
            (
                "tokenizer/tokenizer_config.json",
                json!({
                    "backend": "custom",
                    "eos_token": "</s>",
                    "extra_ids": 125,
                    "model_max_length": 1_000_000_000,
                    "pad_token": "<pad>",
                    "tokenizer_class": "ByT5Tokenizer",
                    "unk_token": "<unk>",
                }),
            ),
            (
                "scheduler/scheduler_config.json",
                json!({
                    "_class_name": "FlowMatchEulerDiscreteScheduler",
                    "_diffusers_version": "0.42.1",
                    "base_image_seq_len": 256,
                    "base_shift": 0.25,
                    "invert_sigmas": false,
                    "max_image_seq_len": 4096,
                    "max_shift": 0.75,
                    "num_train_timesteps": 1000,
                    "shift": 1.0,
                    "shift_terminal": null,
                    "stochastic_sampling": false,
                    "time_shift_type": "linear",
                    "use_beta_sigmas": false,
                    "use_dynamic_shifting": true,
                    "use_exponential_sigmas": false,
                    "use_karras_sigmas": false,
                }),
            ),
            (
                "text_encoder/config.json",
                json!({
                    "architectures": ["T5EncoderModel"],
                    "classifier_dropout": 0.0,
                    "d_ff": 128,
                    "d_kv": 16,
                    "d_model": 64,
                    "dense_act_fn": "gelu_new",
                    "dropout_rate": 0.1,
                    "dtype": "float16",
                    "eos_token_id": 1,
                    "feed_forward_proj": "gated-gelu",
                    "initializer_factor": 1.0,
                    "is_decoder": false,
                    "is_encoder_decoder": false,
                    "is_gated_act": true,
                    "layer_norm_epsilon": 1e-6,
                    "model_type": "t5",
                    "num_decoder_layers": 1,
                    "num_heads": 4,
                    "num_layers": 2,
                    "pad_token_id": 0,
                    "relative_attention_max_distance": 128,
                    "relative_attention_num_buckets": 32,
                    "scale_decoder_outputs": false,
                    "tie_word_embeddings": true,
                    "transformers_version": "5.23.0",
                    "use_cache": false,
                    "vocab_size": 384,
                }),
            ),
            (
                "transformer/config.json",
                json!({
                    "_class_name": "GlmImageTransformer2DModel",
                    "_diffusers_version": "0.42.1",
                    "attention_head_dim": 32,
                    "condition_dim": 16,
                    "in_channels": 16,
                    "num_attention_heads": 6,
                    "num_layers": 5,
                    "out_channels": 16,
                    "patch_size": 2,
                    "prior_vq_quantizer_codebook_size": self.codes,
                    "text_embed_dim": 64,
                    "time_embed_dim": 64,
                }),
            ),
            (
                "vae/config.json",
                json!({
                    "_class_name": "AutoencoderKL",
                    "_diffusers_version": "0.42.1",
                    "act_fn": "silu",
                    "block_out_channels": [16, 32, 64, 64],
                    "down_block_types": [down, down, down, down],
                    "force_upcast": true,
                    "in_channels": 3,
                    "latent_channels": 16,
                    "latents_mean": latents_mean,
                    "latents_std": latents_std,
                    "layers_per_block": 1,
                    "mid_block_add_attention": false,
                    "norm_num_groups": 4,
                    "out_channels": 3,
                    "sample_size": SIDE,
                    "scaling_factor": 1.0,
                    "shift_factor": null,
                    "up_block_types": [up, up, up, up],
                    "use_post_quant_conv": false,
                    "use_quant_conv": false,
                }),
            ),
        ]
    }

    /// The architect's tokenizer: bytes without merges, so that it sees letters.
    fn tokenizer(&self) -> Value {
        let mut vocabulary = serde_json::Map::new();
        for id in 0..self.visual_vocabulary() {
            let name = if id < self.codes { id } else { 16_384 + id - self.codes };
            vocabulary.insert(format!("<|dit_token_{name}|>"), json!(id));
        }
        for byte in 0..=u8::MAX {
            vocabulary.insert(byte_character(byte).to_string(), json!(self.byte(byte)));
        }
        let added = |id: usize, content: &str| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            })
        };
        let mut tokens =
            vec![added(self.codes, "<|dit_token_16384|>"), added(self.codes + 1, "<|dit_token_16385|>")];
        tokens.extend(SPECIAL.iter().map(|name| added(self.special(name), name)));
        let split = concat!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        );
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": tokens,
            "normalizer": null,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": false},
                    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
                ],
            },
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocabulary, "merges": [],
            },
        })
    }
}

/// The printable stand-in that byte-level tokenizers have for a byte.
fn byte_character(byte: u8) -> char {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if printable(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|byte| !printable(*byte)).count() as u32;
    char::from_u32(256 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// No roles and no separators: the contents of a message, one after another.
const CHAT_TEMPLATE: &str = "\
{%- for message in messages -%}\
{%- if message.content is string -%}{{ message.content }}\
{%- else -%}\
{%- for item in message.content -%}\
{%- if item.type == 'image' -%}{{ '<|dit_token_16384|><|image|><|dit_token_16385|>' }}\
{%- else -%}{{ item.text }}{%- endif -%}\
{%- endfor -%}\
{%- endif -%}\
{%- endfor -%}";
