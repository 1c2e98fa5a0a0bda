//! What holds for packs of random numbers, and for manifests that are changed at random.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use atelier_weights::{Error, Manifest, MemorySource, Packed, PieceEntry, Scheme, TensorEntry};
use common::pack::{Opened, Pack, SHARDS, TENSORS, open};
use futures_lite::future::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Opens and reads everything in every way: whatever the pack is, nothing panics and messages are one line.
fn survives(source: MemorySource) {
    let told = |error: &Error| {
        let message = error.to_string();
        assert!(!message.contains('\n') && message.chars().count() < 1500, "{message}");
    };
    match open(Arc::new(source.clone())) {
        Err(error) => told(&error),
        Ok(Opened { manifest, components }) => {
            for component in &components {
                for (name, stored) in component.tensors() {
                    if let Ok(values) = block_on(component.read_f32(name)).inspect_err(told) {
                        assert_eq!(values.len(), stored.shape.iter().product::<usize>(), "{name}");
                    }
                    for piece in 0..stored.pieces().len() {
                        let _ = block_on(component.read_piece(name, piece)).inspect_err(told);
                    }
                    let _ = block_on(component.read_rows_f32(name, 0..1)).inspect_err(told);
                    block_on(component.read_bytes(name)).unwrap();
                }
            }
            for entry in manifest.entries() {
                let _ = block_on(entry.verify(&source, |_| Ok::<_, Error>(()))).inspect_err(told);
            }
        }
    }
}

/// Every number, text and list in a JSON value, as pointers.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), found));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => {}
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..8_u64).prop_map(Value::from),
        prop::sample::select(vec![32_u64, 64, 96, 1 << 31, 1 << 32, 1 << 61, u64::MAX]).prop_map(Value::from),
        prop::collection::vec(prop_oneof![0..7_u64, Just(32), Just(1 << 32)], 0..5).prop_map(Value::from),
        prop::sample::select(vec!["q4", "q8", "q4-offset", "f16", "f32", "bf16", "q4.0", "part", "../x"])
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn arbitrary_bytes_as_a_manifest_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(Pack::sound().source_with(bytes));
    }

    #[test]
    fn a_manifest_with_changed_bytes_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let pack = Pack::sound();
        let mut text = pack.manifest.to_string().into_bytes();
        for (at, byte, any) in changes {
            let at = at.index(text.len());
            text[at] = if any { byte } else { b"0123456789[]{},\":"[usize::from(byte) % 17] };
        }
        survives(pack.source_with(text));
    }

    #[test]
    fn a_manifest_with_changed_fields_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), values()), 1..4),
    ) {
        let mut pack = Pack::sound();
        for (at, value) in changes {
            let mut found = Vec::new();
            pointers(&pack.manifest, "", &mut found);
            *pack.manifest.pointer_mut(&found[at.index(found.len())]).unwrap() = value;
        }
        survives(pack.source());
    }

    #[test]
    fn a_changed_tensor_with_a_shard_to_match_does_no_harm(
        tensor in 0..TENSORS.len(),
        shape in prop::collection::vec(prop_oneof![0..7_usize, Just(32), Just(64)], 0..4),
        scheme in prop::sample::select(Scheme::ALL),
        pieces in prop::collection::vec((0..2_usize, 0..7_usize), 0..4),
        byte in any::<u8>(),
    ) {
        let mut pack = Pack::sound();
        let (component, name, ..) = TENSORS[tensor];
        let entry = TensorEntry {
            component: component.to_owned(),
            name: name.to_owned(),
            shape,
            scheme,
            pieces: pieces.iter().map(|&(shard, rows)| PieceEntry { shard, rows }).collect(),
        };
        *pack.tensor(name) = serde_json::to_value(&entry).unwrap();
        // The shards hold what the manifest now says.
        let whole: Manifest = serde_json::from_value(pack.manifest.clone()).unwrap();
        for shard in 0..SHARDS.len() {
            pack.reshard(shard, |header, data| {
                *header = json!({});
                data.clear();
                for tensor in &whole.tensors {
                    let here = (0..tensor.pieces.len()).filter(|&piece| tensor.pieces[piece].shard == shard);
                    for (name, dtype, shape) in here.flat_map(|piece| tensor.parts(piece)) {
                        let start = data.len();
                        data.resize(start + shape.iter().product::<usize>() * dtype.size(), byte);
                        header[name] =
                            json!({"dtype": dtype.name(), "shape": shape, "data_offsets": [start, data.len()]});
                    }
                }
            });
        }
        survives(pack.source());
    }

    #[test]
    fn what_was_packed_is_what_a_pack_unpacks(
        scheme in prop::sample::select(Scheme::QUANTIZED),
        rows in 1..6_usize,
        blocks in 1..4_usize,
        words in prop::collection::vec(any::<u32>(), 2 * 6 * 3 * 8),
    ) {
        let columns = 32 * blocks;
        let take = |count: usize, mask: u32| words.iter().take(count).map(|word| word & mask).collect();
        // Codes are any words; scales any that are numbers.
        let packed = Packed {
            codes: take(rows * scheme.code_words(columns), u32::MAX),
            scales: take(rows * scheme.scale_words(columns), 0xbbff_bbff),
        };
        let mut pack = Pack::sound();
        let entry = TensorEntry {
            component: "part".to_owned(),
            name: "q8".to_owned(),
            shape: vec![rows, columns],
            scheme,
            pieces: vec![PieceEntry { shard: 0, rows }],
        };
        pack.manifest["tensors"] = json!([entry]);
        pack.reshard(1, |header, data| (*header, *data) = (json!({}), vec![]));
        pack.reshard(0, |header, data| {
            (*header, *data) = (json!({}), vec![]);
            for (part, words) in [("codes", &packed.codes), ("scales", &packed.scales)] {
                let start = data.len();
                data.extend(common::pack::words(words));
                header[format!("part/q8.{part}")] = json!({
                    "dtype": "U32", "shape": [rows, words.len() / rows], "data_offsets": [start, data.len()],
                });
            }
        });
        let part = &open(Arc::new(pack.source())).unwrap().components[0];
        let (found, piece) = block_on(part.read_piece("q8", 0)).unwrap();
        prop_assert_eq!((found, &piece.packed), (scheme, &packed));
        prop_assert_eq!(block_on(part.read_f32("q8")).unwrap(), scheme.unpack(columns, &packed));
    }
}
