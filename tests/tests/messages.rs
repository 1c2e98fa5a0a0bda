//! Every message of the libraries, word for word: a snapshot of one error of each kind.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

use atelier_weights::Dtype;
use testkit::{assert_snapshot, repository};

/// Compares the messages, and insists on one for each variant of `enum Error` in `source`.
fn check<E: Debug + Display>(name: &str, source: &str, errors: &[E]) {
    let kind = |error: &E| {
        let debug = format!("{error:?}");
        debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
    };
    let found: BTreeSet<String> = errors.iter().map(kind).collect();
    let source = std::fs::read_to_string(repository(source)).expect("the source");
    let (_, source) = source.split_once("pub enum Error {\n").expect("an enum called Error");
    let (source, _) = source.split_once("\n}\n").expect("its end");
    let variants = source.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = variants.filter(|line| line.starts_with(char::is_uppercase));
    let variants: BTreeSet<String> = variants
        .map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(found, variants, "a kind of error without a message here");
    let lines: Vec<String> = errors.iter().map(|error| format!("{}: {error}\n", kind(error))).collect();
    assert_snapshot(name, &lines.concat());
}

#[test]
fn of_the_weights() {
    use atelier_weights::Error;
    let errors = [
        Error::MissingFile { file: "model/a.safetensors".into() },
        Error::MissingWeights {
            index: "model/a.safetensors.index.json".into(),
            single: "model/a.safetensors".into(),
        },
        Error::Folder { folder: "model".into(), reason: "what the system says".into() },
        Error::Read { file: "model/a.safetensors".into(), reason: "what the system says".into() },
        Error::UnsafePath { path: "../secret".into() },
        Error::ShortRead { file: "model/a.safetensors".into(), start: 7, end: 8, found: 9 },
        Error::TooLong { file: "model/a.safetensors".into(), size: 7, limit: 8 },
        Error::Json { file: "model/a.safetensors".into(), reason: "what the system says".into() },
        Error::NotUtf8 { file: "model/a.safetensors".into(), offset: 7 },
        Error::TooShort { file: "model/a.safetensors".into(), size: 7 },
        Error::HeaderTooLong { file: "model/a.safetensors".into(), length: 7, limit: 8 },
        Error::HeaderBeyondEnd { file: "model/a.safetensors".into(), length: 7, size: 8 },
        Error::HeaderNotUtf8 { file: "model/a.safetensors".into(), offset: 7 },
        Error::HeaderJson { file: "model/a.safetensors".into(), reason: "what the system says".into() },
        Error::DuplicateTensor { file: "model/a.safetensors".into(), tensor: "proj_out.weight".into() },
        Error::UnknownDtype {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            dtype: "F99".into(),
        },
        Error::OffsetsReversed {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            start: 7,
            end: 8,
        },
        Error::OffsetsOutside {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            end: 7,
            found: 8,
        },
        Error::Overlap {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            expected: 7,
            found: 8,
        },
        Error::Gap {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            expected: 7,
            found: 8,
        },
        Error::ShapeOverflow {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            dtype: Dtype::F16,
            shape: vec![2, 3],
        },
        Error::PartialByte {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            dtype: Dtype::F16,
            shape: vec![2, 3],
        },
        Error::SizeMismatch {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            dtype: Dtype::F16,
            shape: vec![2, 3],
            expected: 7,
            found: 8,
        },
        Error::FileSize { file: "model/a.safetensors".into(), expected: 7, found: 8 },
        Error::EmptyIndex { file: "model/a.safetensors".into() },
        Error::ShardName {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            shard: "a-00001-of-00002.safetensors".into(),
        },
        Error::MissingShard {
            file: "model/a.safetensors".into(),
            shard: "a-00001-of-00002.safetensors".into(),
            location: "model/a-00001-of-00002.safetensors".into(),
        },
        Error::NotInShard {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            shard: "a-00001-of-00002.safetensors".into(),
        },
        Error::NotInIndex {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            shard: "a-00001-of-00002.safetensors".into(),
        },
        Error::TwoShards {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            shard: "a-00001-of-00002.safetensors".into(),
            other: "a-00002-of-00002.safetensors".into(),
        },
        Error::Pack { file: "model/a.safetensors".into(), reason: "what the system says".into() },
        Error::Hash { file: "model/a.safetensors".into(), expected: "0123".into(), found: "4567".into() },
        Error::NoTensor { file: "model/a.safetensors".into(), tensor: "proj_out.weight".into() },
        Error::WrongDtype {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            expected: "F32 or BF16",
            found: Dtype::F16,
        },
        Error::NotFinite {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            index: 7,
            value: f32::NAN,
        },
        Error::NoRows {
            file: "model/a.safetensors".into(),
            tensor: "proj_out.weight".into(),
            start: 7,
            end: 8,
            shape: vec![2, 3],
        },
        Error::NoMemory { file: "model/a.safetensors".into(), tensor: "proj_out.weight".into(), bytes: 7 },
    ];
    check("messages-weights.txt", "crates/atelier-weights/src/error.rs", &errors);
}

#[test]
fn of_the_model() {
    use atelier::{Error, Field};
    let errors = [
        Error::Request {
            field: Field::Steps,
            prompt: None,
            expected: "1 to 1000".into(),
            found: "1001".into(),
        },
        Error::Request {
            field: Field::Prompt,
            prompt: Some(1),
            expected: "some text".into(),
            found: "nothing".into(),
        },
        Error::SourceImage { index: 1, expected: "at least 16 pixels a side".into(), found: "15x40".into() },
        Error::Config {
            file: "vae/config.json".into(),
            field: "latent_channels".into(),
            expected: "16".into(),
            found: "4".into(),
        },
        Error::Weights {
            location: "transformer".into(),
            problem: "tensor proj_out.weight: not found".into(),
        },
        Error::Blueprint { field: "height", expected: "a multiple of 32".into(), found: "65".into() },
        Error::Tokenizer {
            file: "processor/tokenizer.json".into(),
            problem: "what the tokenizer says".into(),
        },
        Error::Png("no 'atelier' chunk".into()),
        Error::Device("expected a GPU, found no adapter at all".into()),
        Error::Buffer { what: "the painter's states".into(), bytes: 3_000_000_000, most: 2_147_483_647 },
        Error::Compute("the device was lost".into()),
        Error::NotFinite { place: "the painter, step 3 of 20, block 7 (dit_cond.block7_image)".into() },
        Error::Cancelled,
        Error::Source(atelier_weights::Error::MissingFile { file: "vae/config.json".into() }),
    ];
    check("messages-model.txt", "crates/atelier/src/error.rs", &errors);
}
