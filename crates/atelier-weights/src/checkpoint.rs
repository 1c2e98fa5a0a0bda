//! The folder of a checkpoint: where its configurations, its tokenizer and its weights are.
//!
//! This is the one table of these names. `web/src/generated/layout.ts` is written from it.

/// Names the components; the file by which a folder is known as a checkpoint.
pub const MODEL_INDEX: &str = "model_index.json";
/// What the model says it can draw; a checkpoint need not have it.
pub const CARD: &str = "atelier.json";
/// The architect's tokenizer.
pub const TOKENIZER: &str = "processor/tokenizer.json";
/// How source images are prepared.
pub const PROCESSOR: &str = "processor/preprocessor_config.json";
/// The noise schedule.
pub const SCHEDULER: &str = "scheduler/scheduler_config.json";
/// The architect's defaults for sampling.
pub const GENERATION: &str = "vision_language_encoder/generation_config.json";

/// The JSON files that every checkpoint has beside its tokenizer; packs carry them, and the [`CARD`], in their manifest.
pub const CONFIGS: [&str; 8] = [
    MODEL_INDEX,
    SCHEDULER,
    PROCESSOR,
    ComponentName::TextEncoder.config(),
    ComponentName::Transformer.config(),
    ComponentName::Vae.config(),
    ComponentName::VisionLanguageEncoder.config(),
    GENERATION,
];

/// The end of a weight file's name, after its stem.
pub const WEIGHTS: &str = ".safetensors";
/// The end of the name of an index of weight files, after their stem. An index wins over a single file.
pub const WEIGHTS_INDEX: &str = ".safetensors.index.json";

/// Variants of a checkpoint, whose weight files carry their names; they are looked for in this order where plain ones are missing.
pub const VARIANTS: [&str; 2] = ["fp16", "bf16"];

/// What the files of a component's weights may be called, after their stem.
pub(crate) struct WeightNames {
    /// Of indexes of several files, each of which wins over a single file.
    pub indexes: Vec<String>,
    /// Of a single file.
    pub single: String,
}

/// All names, in the order in which they are looked for: plain ones, then those of [`VARIANTS`], whose indexes one library calls so,
/// an older one so, and no library so.
pub(crate) fn weight_names() -> Vec<WeightNames> {
    let plain = WeightNames { indexes: vec![WEIGHTS_INDEX.to_owned()], single: WEIGHTS.to_owned() };
    let variants = VARIANTS.map(|variant| WeightNames {
        indexes: vec![
            format!(".safetensors.index.{variant}.json"),
            format!(".safetensors.{variant}.index.json"),
            format!(".{variant}.safetensors.index.json"),
        ],
        single: format!(".{variant}{WEIGHTS}"),
    });
    [plain].into_iter().chain(variants).collect()
}

/// A component of a checkpoint: a folder with a configuration and weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComponentName {
    /// The AR model, with vision tower and VQ module.
    VisionLanguageEncoder,
    /// The glyph encoder, `glyph_encoder` in the model crate.
    TextEncoder,
    /// The DiT.
    Transformer,
    /// The VAE.
    Vae,
}

impl ComponentName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::VisionLanguageEncoder, Self::TextEncoder, Self::Transformer, Self::Vae];

    /// The one in `folder`.
    pub fn of(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.folder() == folder)
    }

    /// The folder in the checkpoint.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::VisionLanguageEncoder => "vision_language_encoder",
            Self::TextEncoder => "text_encoder",
            Self::Transformer => "transformer",
            Self::Vae => "vae",
        }
    }

    /// The path of its configuration.
    pub const fn config(self) -> &'static str {
        match self {
            Self::VisionLanguageEncoder => "vision_language_encoder/config.json",
            Self::TextEncoder => "text_encoder/config.json",
            Self::Transformer => "transformer/config.json",
            Self::Vae => "vae/config.json",
        }
    }

    /// The name of its weight files, before [`WEIGHTS`], `-00001-of-…` or [`WEIGHTS_INDEX`].
    pub const fn stem(self) -> &'static str {
        match self {
            Self::VisionLanguageEncoder | Self::TextEncoder => "model",
            Self::Transformer | Self::Vae => "diffusion_pytorch_model",
        }
    }

    /// The path of its weights where they are one file.
    pub fn weights(self) -> String {
        format!("{}/{}{WEIGHTS}", self.folder(), self.stem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_npm_package_has_the_same_names() {
        let mut text = "// Written from crates/atelier-weights/src/checkpoint.rs by its test; SNAPSHOTS=overwrite cargo xtask check \
                        renews it.\n"
            .to_owned();
        let mut add = |doc: &str, name: &str, value: String| {
            text += &format!("\n/** {doc} */\nexport const {name} = {value};\n");
        };
        let list = |values: &[String]| {
            format!("[\n{}]", values.iter().map(|value| format!("  {value:?},\n")).collect::<String>())
        };
        let files = CONFIGS.into_iter().filter(|path| *path != MODEL_INDEX).chain([TOKENIZER]);
        let stems =
            ComponentName::ALL.map(|component| format!("{}/{}", component.folder(), component.stem()));
        add("The file by which a checkpoint is known.", "MODEL_INDEX", format!("{MODEL_INDEX:?}"));
        add("What a model says it can draw; it need not have it.", "CARD", format!("{CARD:?}"));
        add(
            "The other files of a checkpoint beside its weights.",
            "FILES",
            list(&files.map(str::to_owned).collect::<Vec<_>>()),
        );
        add("The components' weights, without the ends of the names.", "STEMS", list(&stems));
        let names = weight_names().into_iter().map(|WeightNames { indexes, single }| {
            let indexes: Vec<String> = indexes.iter().map(|name| format!("{name:?}")).collect();
            let (indexes, single) =
                (format!("indexes: [{}]", indexes.join(", ")), format!("single: {single:?}"));
            // As the package's formatter breaks lines.
            match indexes.len() + single.len() {
                0..100 => format!("  {{ {indexes}, {single} }},\n"),
                _ => format!("  {{\n    {indexes},\n    {single},\n  }},\n"),
            }
        });
        add(
            "The ends of the names of weight files, in the order in which they are looked for; an index wins over a single file.",
            "WEIGHT_NAMES",
            format!("[\n{}]", names.collect::<String>()),
        );
        testkit::assert_generated("web/src/generated/layout.ts", &text);
    }

    #[test]
    fn configurations_are_in_the_folders_of_their_components() {
        for component in ComponentName::ALL {
            assert_eq!(component.config(), format!("{}/config.json", component.folder()));
            assert!(CONFIGS.contains(&component.config()));
        }
    }
}
