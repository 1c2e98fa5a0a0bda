//! What holds for random files, with the `safetensors` crate as the judge.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, HashMap};

use atelier_weights::{Component, Dtype, Header};
use common::{open, open_file};
use futures_lite::future::block_on;
use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{TensorView, serialize};

/// Name, dtype, shape and data of some tensors, by name.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn judge_dtype(dtype: Dtype) -> safetensors::Dtype {
    serde_json::from_value(serde_json::Value::from(dtype.name())).unwrap()
}

fn tensors() -> impl Strategy<Value = Tensors> {
    let tensor = (prop::sample::select(Dtype::ALL), prop::collection::vec(0_usize..5, 0..4), any::<u64>());
    // Names with quotes, control characters and letters of every script.
    let names = prop_oneof!["[a-z]{1,8}(\\.[a-z0-9]{1,8}){0,3}", "\\PC{1,12}", any::<String>()]
        .prop_filter("reserved", |name| name != "__metadata__");
    prop::collection::btree_map(names, tensor, 0..12).prop_map(|map| {
        let fill = |(dtype, mut shape, seed): (Dtype, Vec<usize>, u64)| {
            if dtype.bits() < 8 {
                shape.push(8); // whole bytes
            }
            let size = shape.iter().product::<usize>() * dtype.bits() / 8;
            let data = (0..size as u64).map(|at| (seed.wrapping_mul(at | 1) >> 24) as u8).collect();
            (dtype, shape, data)
        };
        map.into_iter().map(|(name, tensor)| (name, fill(tensor))).collect()
    })
}

fn written(tensors: &Tensors, metadata: Option<HashMap<String, String>>) -> Vec<u8> {
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, TensorView::new(judge_dtype(*dtype), shape.clone(), data).unwrap())
    });
    serialize(views, metadata).unwrap()
}

/// As its definition has it: a bias of 7, and no infinities.
fn e4m3(code: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(code >> 3 & 15), f32::from(code & 7) / 8.0);
    let magnitude = match (exponent, code & 0x7f) {
        (_, 0x7f) => f32::NAN,
        (0, _) => mantissa * 2_f32.powi(-6),
        _ => (1.0 + mantissa) * 2_f32.powi(exponent - 7),
    };
    if code < 0x80 { magnitude } else { -magnitude }
}

/// The component holds exactly these tensors, and its floats convert one by one as `half` and [`e4m3`] convert them.
fn same(part: &Component, tensors: &Tensors) -> Result<(), TestCaseError> {
    prop_assert!(part.tensors().map(|(name, _)| name).eq(tensors.keys()));
    for (name, (dtype, shape, data)) in tensors {
        let info = part.get(name).unwrap();
        prop_assert_eq!((info.dtype, &info.shape), (*dtype, shape));
        prop_assert_eq!(&*block_on(part.read_bytes(name)).unwrap(), data.as_slice());
        let numbers: Vec<f32> = match dtype {
            Dtype::F32 => data.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
            Dtype::F16 => {
                data.chunks(2).map(|b| half::f16::from_le_bytes(b.try_into().unwrap()).to_f32()).collect()
            }
            Dtype::Bf16 => {
                data.chunks(2).map(|b| half::bf16::from_le_bytes(b.try_into().unwrap()).to_f32()).collect()
            }
            Dtype::F8E4m3 => data.iter().map(|&code| e4m3(code)).collect(),
            _ => {
                prop_assert!(block_on(part.read_f32(name)).is_err());
                continue;
            }
        };
        match numbers.iter().position(|number| !number.is_finite()) {
            None => prop_assert_eq!(block_on(part.read_f32(name)).unwrap(), numbers),
            Some(at) => {
                let message = block_on(part.read_f32(name)).unwrap_err().to_string();
                prop_assert!(message.ends_with(&format!("at flat index {at}")), "{}", message);
            }
        }
    }
    Ok(())
}

/// Opens `bytes` with both readers: ours accepts nothing that the judge refuses, and tells the same about the rest.
fn judged(bytes: Vec<u8>) -> Result<bool, TestCaseError> {
    let Ok(part) = open_file(bytes.clone()) else { return Ok(false) };
    let judge = SafeTensors::deserialize(&bytes);
    prop_assert!(judge.is_ok(), "accepted a file that the safetensors crate refuses: {:?}", judge.err());
    let judge = judge.unwrap();
    prop_assert_eq!(part.tensors().count(), judge.len());
    for (name, info) in part.tensors() {
        let view = judge.tensor(name).unwrap();
        prop_assert_eq!(judge_dtype(info.dtype), view.dtype());
        prop_assert_eq!(&info.shape[..], view.shape());
        prop_assert_eq!(&*block_on(part.read_bytes(name)).unwrap(), view.data());
    }
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn agrees_on_valid_files(
        tensors in tensors(),
        metadata in prop::option::of(prop::collection::hash_map(any::<String>(), any::<String>(), 0..4)),
    ) {
        // The crate writes `{}{"__metadata__":…}` for no tensors and empty metadata, and cannot read it back.
        let metadata = metadata.filter(|metadata| !metadata.is_empty());
        let bytes = written(&tensors, metadata.clone());
        let part = open_file(bytes.clone()).unwrap();
        same(&part, &tensors)?;
        prop_assert_eq!(part.metadata(), &metadata.unwrap_or_default().into_iter().collect());
        prop_assert!(judged(bytes)?);
    }

    #[test]
    fn agrees_on_sharded_files(tensors in tensors(), shards in 1_usize..4) {
        prop_assume!(!tensors.is_empty());
        let mut parts = vec![Tensors::new(); shards];
        for (at, (name, tensor)) in tensors.iter().enumerate() {
            parts[at % shards].insert(name.clone(), tensor.clone());
        }
        parts.retain(|part| !part.is_empty());
        let names: Vec<String> = (0..parts.len()).map(|n| format!("model-{n}.safetensors")).collect();
        let map: BTreeMap<&str, &str> = parts
            .iter()
            .zip(&names)
            .flat_map(|(part, shard)| part.keys().map(move |tensor| (tensor.as_str(), shard.as_str())))
            .collect();
        let json = serde_json::json!({ "metadata": { "total_size": 0 }, "weight_map": map });
        let paths: Vec<String> = names.iter().map(|name| format!("part/{name}")).collect();
        let mut files: Vec<(&str, Vec<u8>)> =
            paths.iter().zip(&parts).map(|(path, part)| (path.as_str(), written(part, None))).collect();
        files.push(("part/model.safetensors.index.json", json.to_string().into_bytes()));
        let part = open(&files).unwrap();
        same(&part, &tensors)?;
        prop_assert_eq!(part.files().count(), parts.len());
    }

    #[test]
    fn header_round_trip(tensors in tensors()) {
        let bytes = written(&tensors, None);
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let json = &bytes[8..8 + length];
        let header = Header::parse("x", json, bytes.len() as u64).unwrap();
        let again: serde_json::Map<String, serde_json::Value> = header
            .tensors
            .iter()
            .map(|(name, info)| {
                let offsets = [info.range.start - header.data_start, info.range.end - header.data_start];
                let value = serde_json::json!({
                    "data_offsets": offsets, "shape": info.shape, "dtype": info.dtype.name(),
                });
                (name.clone(), value)
            })
            .collect();
        let again = serde_json::to_string(&again).unwrap();
        let data = bytes.len() - 8 - length;
        let reparsed = Header::parse("x", again.as_bytes(), (8 + again.len() + data) as u64).unwrap();
        prop_assert_eq!(reparsed.tensors.len(), header.tensors.len());
        for (name, info) in &reparsed.tensors {
            let old = &header.tensors[name];
            prop_assert_eq!((info.dtype, &info.shape), (old.dtype, &old.shape));
            prop_assert_eq!(info.range.start - reparsed.data_start, old.range.start - header.data_start);
        }
    }

    #[test]
    fn truncated_files_are_refused(tensors in tensors(), at in any::<prop::sample::Index>()) {
        let mut bytes = written(&tensors, None);
        bytes.truncate(at.index(bytes.len()));
        prop_assert!(!judged(bytes)?);
    }

    #[test]
    fn mutated_files_are_judged_alike(
        tensors in tensors(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut bytes = written(&tensors, None);
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (at, byte, kind) in changes {
            // In the header, where a change matters; digits and brackets, which are the changes that still parse.
            let at = at.index(8 + length).min(bytes.len() - 1);
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] = b"0123456789[]{},\":"[byte as usize % 17],
                _ => bytes[at] ^= 1 << (byte % 8),
            }
        }
        judged(bytes)?;
    }

    #[test]
    fn mutated_offsets_are_judged_alike(
        entries in prop::collection::vec((0_u64..6, 0_u64..6, 0_usize..4, prop::sample::select(vec!["U8", "F16", "F4"])), 1..4),
        data in 0_usize..8,
    ) {
        let json: Vec<String> = entries
            .iter()
            .enumerate()
            .map(|(n, (start, end, dim, dtype))| {
                format!(r#""t{n}":{{"dtype":"{dtype}","shape":[{dim}],"data_offsets":[{start},{end}]}}"#)
            })
            .collect();
        let bytes = common::file(&format!("{{{}}}", json.join(",")), &vec![0; data]);
        let ours = judged(bytes.clone())?;
        // Here nothing but the layout differs: the two agree both ways.
        prop_assert_eq!(ours, SafeTensors::deserialize(&bytes).is_ok());
    }

    #[test]
    fn arbitrary_headers_do_not_panic(json in prop::collection::vec(any::<u8>(), 0..200), size in any::<u64>()) {
        let _ = Header::parse("x", &json, size);
    }
}
