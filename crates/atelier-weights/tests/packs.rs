//! Packs: what one must be, and every way one can be wrong, each refused before a single weight is read.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use atelier_weights::{
    ByteSource, Dtype, Error, FileEntry, Layout, MANIFEST, Manifest, MemorySource, PACK_FORMAT, Scheme,
    Search, TensorEntry,
};
use common::pack::{EXTRA, Opened, Pack, SHARDS, TENSORS, hex, numbers, open, parts};
use common::refused;
use futures_lite::future::block_on;
use serde_json::json;

/// A pack with this change is refused in words that name all of `named`.
#[track_caller]
fn wrong(named: &[&str], change: impl FnOnce(&mut Pack)) -> String {
    let mut pack = Pack::sound();
    change(&mut pack);
    refused(pack.open(), named)
}

#[pollster::test]
async fn a_sound_pack_opens_by_its_headers_and_reads_as_it_was_packed() {
    let pack = Pack::sound();
    pack.open().unwrap();
    let Opened { manifest, components } = open(Arc::new(pack.source())).unwrap();
    assert_eq!(manifest.entries().count(), 3);
    let mut found = 0;
    for component in &components {
        for (name, stored) in component.tensors() {
            let key = (component.folder().to_owned(), name.to_owned());
            assert_eq!(component.read_f32(name).await.unwrap(), pack.values[&key], "{key:?}");
            let entry = manifest.tensors.iter().find(|tensor| tensor.name == name).unwrap();
            assert_eq!((&stored.shape, stored.scheme), (&entry.shape, Some(entry.scheme)));
            found += 1;
        }
    }
    assert_eq!(found, TENSORS.len());
}

#[pollster::test]
async fn pieces_are_the_words_of_the_file_and_unpack_to_the_rows() {
    let pack = Pack::sound();
    let part = &open(Arc::new(pack.source())).unwrap().components[0];
    for name in ["q4", "q8", "offset"] {
        let stored = part.get(name).unwrap();
        assert_eq!(stored.dtype, Dtype::U32);
        let (mut row, mut all) = (0, Vec::new());
        for (index, rows) in stored.pieces().enumerate() {
            let (scheme, piece) = part.read_piece(name, index).await.unwrap();
            assert_eq!((Some(scheme), piece.rows.clone()), (stored.scheme, row..row + rows), "{name}");
            row += rows;
            all.extend(scheme.unpack(stored.columns(), &piece.packed));
        }
        assert_eq!(part.read_f32(name).await.unwrap(), all, "{name}");
        assert_eq!(all.len(), stored.shape.iter().product::<usize>(), "{name}");
        refused(part.read_piece(name, 2).await, &["part", name, "piece 2"]);
    }
}

#[pollster::test]
async fn what_a_layout_plans_is_what_a_component_reads() {
    let tensor = |name: &str, shape: &[usize], scheme| TensorEntry {
        component: "part".to_owned(),
        name: name.to_owned(),
        shape: shape.to_vec(),
        scheme,
        pieces: vec![],
    };
    let layout = Layout::new(vec![
        ("architect", tensor("bias", &[3], Scheme::F16)),
        ("architect", tensor("w", &[5, 96], Scheme::Q4)),
        ("painter", tensor("e", &[3, 7], Scheme::F8)),
        ("painter", tensor("v", &[2, 32], Scheme::Q8)),
        ("painter", tensor("u", &[2, 32], Scheme::Q4Offset)),
        ("painter", tensor("s", &[], Scheme::F32)),
    ]);
    let mut source = MemorySource::new();
    let (mut shards, mut expected) = (layout.shards.clone(), BTreeMap::new());
    for ((shard, header), contents) in shards.iter_mut().zip(&layout.headers).zip(&layout.contents) {
        let mut bytes = header.clone();
        for &(tensor, piece) in contents {
            let tensor = &layout.tensors[tensor];
            assert_eq!((tensor.pieces.len(), piece), (1, 0));
            let weights = numbers(tensor.shape.iter().product());
            let (parts, stands_for) = parts(tensor.scheme, tensor.columns(), &weights);
            bytes.extend(parts.concat());
            expected.insert(tensor.name.clone(), stands_for);
        }
        assert_eq!(bytes.len() as u64, shard.file.bytes, "{}", shard.file.path);
        shard.file.sha256 = hex(&bytes);
        source.insert(shard.file.path.clone(), bytes);
    }
    let manifest = Manifest {
        format: PACK_FORMAT.to_owned(),
        source: String::new(),
        policy: String::new(),
        search: Search::LeastSquares,
        calibrated: Some("0".repeat(64)),
        configs: BTreeMap::new(),
        files: vec![],
        shards,
        tensors: layout.tensors,
    };
    source.insert(MANIFEST, serde_json::to_vec(&manifest).unwrap());
    let opened = open(Arc::new(source.clone())).unwrap();
    assert_eq!(opened.manifest, manifest);
    for (name, values) in expected {
        assert_eq!(opened.components[0].read_f32(&name).await.unwrap(), values, "{name}");
    }
    for entry in opened.manifest.entries() {
        entry.verify(&source, |_| Ok::<_, Error>(())).await.unwrap();
    }
}

#[pollster::test]
async fn a_folder_without_a_manifest_is_no_pack() {
    assert!(Manifest::read(&MemorySource::new()).await.unwrap().is_none());
}

#[test]
fn another_format_is_told_before_its_fields_are() {
    let mut pack = Pack::sound();
    pack.manifest = json!({"format": "atelier-pack-9", "colours": 3});
    refused(pack.open(), &[MANIFEST, "\"atelier-pack-1\"", "\"atelier-pack-9\""]);
    wrong(&[MANIFEST, "missing field `format`"], |pack| pack.manifest = json!({}));
    wrong(&[MANIFEST, "line 1 column"], |pack| pack.manifest["format"] = json!(1));
}

#[test]
fn what_is_not_a_manifest_is_refused_by_name() {
    let pack = Pack::sound();
    let whole = pack.manifest.to_string().into_bytes();
    for text in ["", "{", "[]", "null", "\u{feff}{}", "{\"format\":\"atelier-pack-1\"}"] {
        refused(open(Arc::new(pack.source_with(text.into()))), &[MANIFEST, "line 1 column"]);
    }
    refused(open(Arc::new(pack.source_with(b"{\"\xff".to_vec()))), &[MANIFEST, "UTF-8", "offset 2"]);
    for length in (0..whole.len()).step_by(7) {
        refused(open(Arc::new(pack.source_with(whole[..length].to_vec()))), &[MANIFEST]);
    }
    // Sound but for a configuration that is all brackets.
    let (open_all, close_all) = ("{\"a\":".repeat(100_000), "}".repeat(100_000));
    let deep = pack.manifest.to_string().replacen("{\"width\":3}", &format!("{open_all}1{close_all}"), 1);
    refused(open(Arc::new(pack.source_with(deep.into()))), &[MANIFEST, "recursion limit"]);
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    for pointer in ["", "/files/0", "/shards/0", "/shards/0/file", "/tensors/0", "/tensors/0/pieces/0"] {
        wrong(&[MANIFEST, "unknown field `colour`"], |pack| {
            pack.manifest.pointer_mut(pointer).unwrap()["colour"] = json!(1);
        });
    }
    let pack = Pack::sound();
    let twice = pack.manifest.to_string().replacen('{', "{\"policy\":\"x\",", 1);
    refused(open(Arc::new(pack.source_with(twice.into()))), &[MANIFEST, "duplicate field `policy`"]);
}

#[test]
fn fields_of_another_kind_are_refused() {
    for (pointer, value) in [
        ("/search", json!("random")),
        ("/calibrated", json!(1)),
        ("/files/0/bytes", json!(-1)),
        ("/files/0/bytes", json!(1.5)),
        ("/tensors/0/scheme", json!("q5")),
        ("/tensors/0/shape", json!([-1, 3])),
        ("/tensors/0/pieces/0/rows", json!(18_446_744_073_709_551_616_f64)),
        ("/shards", json!({})),
    ] {
        wrong(&[MANIFEST, "line 1 column"], |pack| *pack.manifest.pointer_mut(pointer).unwrap() = value);
    }
}

#[test]
fn a_missing_file_is_named() {
    for path in [EXTRA, SHARDS[0], SHARDS[1]] {
        wrong(&[path, "no such file"], |pack| drop(pack.files.remove(path)));
    }
}

#[test]
fn a_file_of_another_size_is_named_with_both_sizes() {
    for path in [EXTRA, SHARDS[0], SHARDS[1]] {
        let size = Pack::sound().files[path].len();
        let expected = format!("expected {size} bytes");
        let found = format!("found {}", size - 1);
        wrong(&[path, &expected, &found], |pack| pack.files.get_mut(path).unwrap().truncate(size - 1));
        let found = format!("found {}", size + 1);
        wrong(&[path, &expected, &found], |pack| pack.files.get_mut(path).unwrap().push(0));
    }
    wrong(&[SHARDS[1], "18446744073709551615"], |pack| {
        pack.manifest["shards"][1]["file"]["bytes"] = json!(u64::MAX);
    });
}

#[test]
fn a_shard_that_is_no_safetensors_file_is_named() {
    wrong(&[SHARDS[0], "header of"], |pack| {
        pack.files.get_mut(SHARDS[0]).unwrap()[..8].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    });
    wrong(&[SHARDS[0], "at most 100000000 bytes"], |pack| {
        pack.files.get_mut(SHARDS[0]).unwrap()[..8].fill(0xff);
    });
}

#[test]
fn paths_that_leave_the_pack_are_refused() {
    for path in ["../x", "a/../x", "/etc/passwd", "a//b", "./a", "a/", "", "a\\b", "C:x", "a\nb"] {
        let shown = format!("{path:?}");
        for pointer in ["/files/0/path", "/shards/1/file/path"] {
            let mut pack = Pack::sound();
            let old = pack.manifest.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            // Even where the source has such a file.
            let bytes = pack.files[&old].clone();
            pack.files.insert(path.to_owned(), bytes);
            *pack.manifest.pointer_mut(pointer).unwrap() = json!(path);
            refused(pack.open(), &[MANIFEST, &shown, "relative path"]);
        }
    }
}

#[test]
fn a_file_that_is_listed_twice_is_refused() {
    wrong(&[MANIFEST, SHARDS[0], "twice"], |pack| {
        pack.manifest["shards"][1]["file"] = pack.manifest["shards"][0]["file"].clone();
    });
    wrong(&[MANIFEST, SHARDS[0], "twice"], |pack| {
        pack.manifest["files"][0] = pack.manifest["shards"][0]["file"].clone();
    });
}

#[test]
fn a_hash_that_is_not_hexadecimal_is_refused() {
    let good = "0123456789abcdef".repeat(4);
    for hash in ["", &good[1..], &good.to_uppercase(), &good.replace('0', "g"), &good.replace('0', "é")] {
        for pointer in ["/files/0", "/shards/1/file"] {
            wrong(&[MANIFEST, "SHA-256", "64"], |pack| {
                pack.manifest.pointer_mut(pointer).unwrap()["sha256"] = json!(hash);
            });
        }
    }
}

#[test]
fn a_tensor_that_its_shard_lacks_is_named() {
    wrong(&[SHARDS[1], "part/bias", "not found"], |pack| {
        pack.reshard(1, |header, _| {
            let bias = header.as_object_mut().unwrap().remove("part/bias").unwrap();
            header["part/other"] = bias;
        });
    });
    // It is in another shard.
    wrong(&[SHARDS[0], "part/bias", "not found"], |pack| {
        pack.tensor("bias")["pieces"][0]["shard"] = json!(0);
    });
}

#[test]
fn a_tensor_that_the_manifest_lacks_is_named() {
    wrong(&[SHARDS[1], "part/bias", MANIFEST, "not found"], |pack| {
        pack.manifest["tensors"].as_array_mut().unwrap().retain(|tensor| tensor["name"] != "bias");
    });
    wrong(&[SHARDS[0], "stowaway", MANIFEST, "not found"], |pack| {
        pack.reshard(0, |header, data| {
            let offsets = [data.len(), data.len() + 4];
            header["stowaway"] = json!({"dtype": "F32", "shape": [1], "data_offsets": offsets});
            data.extend([0; 4]);
        });
    });
}

#[test]
fn a_tensor_of_another_shape_or_dtype_is_named_with_both() {
    wrong(&[SHARDS[1], "part/bias", "F16 of shape [5]", "found F16 of [5, 1]"], |pack| {
        pack.reshard(1, |header, _| header["part/bias"]["shape"] = json!([5, 1]));
    });
    wrong(&[SHARDS[1], "part/bias", "expected F16", "found BF16"], |pack| {
        pack.reshard(1, |header, _| header["part/bias"]["dtype"] = json!("BF16"));
    });
    wrong(&[SHARDS[0], "part/q8.codes", "U32 of shape [3, 8]", "found F32"], |pack| {
        pack.reshard(0, |header, _| header["part/q8.codes"]["dtype"] = json!("F32"));
    });
    // Two schemes of four bits differ by their scales.
    wrong(&[SHARDS[1], "part/offset.scales", "[2, 1]", "[2, 2]"], |pack| {
        pack.tensor("offset")["scheme"] = json!("q4");
    });
    wrong(&[SHARDS[0], "part/q8.codes", "[3, 4]", "[3, 8]"], |pack| {
        pack.tensor("q8")["scheme"] = json!("q4");
    });
    wrong(&[SHARDS[1], "part/bias", "[6]", "[5]"], |pack| {
        pack.tensor("bias")["shape"] = json!([6]);
        pack.tensor("bias")["pieces"][0]["rows"] = json!(6);
    });
}

#[test]
fn pieces_that_are_not_all_rows_are_refused() {
    for (rows, found) in [([2, 2], "4"), ([4, 4], "8"), ([0, 0], "0")] {
        wrong(&[MANIFEST, "\"table\"", "\"part\"", "5 rows", &format!("found {found}")], |pack| {
            for (piece, rows) in rows.iter().enumerate() {
                pack.tensor("table")["pieces"][piece]["rows"] = json!(rows);
            }
        });
    }
    wrong(&[MANIFEST, "\"table\"", "5 rows", "more than can be counted"], |pack| {
        pack.tensor("table")["pieces"] = json!([{"shard": 0, "rows": usize::MAX}, {"shard": 0, "rows": 6}]);
    });
    wrong(&[MANIFEST, "kernel", "pieces of 0 rows in all, found 0 in 0"], |pack| {
        pack.tensor("kernel")["shape"] = json!([0, 1, 3, 3]);
        pack.tensor("kernel")["pieces"] = json!([]);
    });
    for name in ["table", "scalar"] {
        wrong(&[MANIFEST, name, "rows in all, found 0 in 0"], |pack| {
            pack.tensor(name)["pieces"] = json!([]);
        });
    }
}

#[test]
fn pieces_without_rows_and_pieces_of_what_is_no_matrix_are_refused() {
    let cut =
        |first: usize, second: usize| json!([{"shard": 0, "rows": first}, {"shard": 1, "rows": second}]);
    for (name, pieces, shape) in [
        ("table", cut(5, 0), "[5, 3]"),
        ("q4", cut(0, 6), "[6, 96]"),
        ("scalar", cut(1, 0), "[]"),
        ("bias", cut(2, 3), "[5]"),
        ("kernel", cut(1, 1), "[2, 1, 3, 3]"),
    ] {
        wrong(&[MANIFEST, name, "one piece", "found 2", shape], |pack| pack.tensor(name)["pieces"] = pieces);
    }
}

#[test]
fn a_shard_number_out_of_range_is_refused() {
    for shard in [2, usize::MAX] {
        wrong(&[MANIFEST, "\"q8\"", "2 shards", &format!("shard {shard}")], |pack| {
            pack.tensor("q8")["pieces"][0]["shard"] = json!(shard);
        });
    }
}

#[test]
fn a_scheme_of_blocks_takes_only_matrices_of_whole_blocks() {
    for (scheme, shape) in [
        ("q4", json!([3, 33])),
        ("q8", json!([3, 31])),
        ("q4-offset", json!([3, 1])),
        ("q8", json!([3])),
        ("q8", json!([3, 32, 1])),
        ("q4", json!([])),
    ] {
        let named = shape.to_string().replace(',', ", ");
        wrong(&[MANIFEST, "\"q8\"", scheme, "multiple of 32", &named], |pack| {
            pack.tensor("q8")["scheme"] = json!(scheme);
            pack.tensor("q8")["shape"] = shape;
        });
    }
}

#[test]
fn a_shape_that_cannot_be_addressed_is_refused() {
    let large = 1_usize << 32;
    // The third would have no size at all, were it not for its columns.
    for shape in [vec![large, large], vec![usize::MAX / 4 + 1], vec![0, large, large], vec![1 << 61]] {
        wrong(&[MANIFEST, "\"kernel\"", &format!("{shape:?}")], |pack| {
            pack.tensor("kernel")["pieces"][0]["rows"] = json!(shape[0]);
            pack.tensor("kernel")["shape"] = json!(shape);
        });
    }
}

/// The largest matrices of the full model are beyond what a browser's 32 bits address; their pieces are not.
#[test]
fn a_matrix_in_pieces_may_be_larger_than_what_can_be_addressed() {
    let (piece, columns) = (1_usize << 55, 32);
    // It is the shard that does not have it.
    wrong(&[SHARDS[0], "q8.0.codes"], |pack| {
        pack.tensor("q8")["shape"] = json!([4 * piece, columns]);
        pack.tensor("q8")["pieces"] = json!([(); 4].map(|()| json!({"shard": 0, "rows": piece})));
    });
}

#[test]
fn one_name_for_two_tensors_is_refused() {
    wrong(&[MANIFEST, "\"q8\"", "twice"], |pack| {
        let again = pack.tensor("q8").clone();
        pack.manifest["tensors"].as_array_mut().unwrap().push(again);
    });
    // The first piece of `q4` would also be the tensor `q4.0`; the shard has as many tensors as are asked for.
    wrong(&[SHARDS[0], "\"part/q4.0.codes\"", "two tensors"], |pack| {
        let mut again = pack.tensor("q4").clone();
        again["name"] = json!("q4.0");
        again["shape"] = json!([4, 96]);
        again["pieces"] = json!([{"shard": 0, "rows": 4}]);
        pack.manifest["tensors"].as_array_mut().unwrap().push(again);
        pack.reshard(0, |header, data| {
            for name in ["spare", "other spare"] {
                let end = data.len();
                header[name] = json!({"dtype": "U8", "shape": [0], "data_offsets": [end, end]});
            }
        });
    });
}

#[pollster::test]
async fn a_damaged_file_has_another_hash() {
    let pack = Pack::sound();
    let manifest = open(Arc::new(pack.source())).unwrap().manifest;
    for entry in manifest.entries() {
        let mut seen = 0;
        let count = |bytes| {
            seen += bytes;
            Ok::<_, Error>(())
        };
        entry.verify(&pack.source(), count).await.unwrap();
        assert_eq!(seen, entry.bytes);
        let mut damaged = pack.clone();
        let bytes = damaged.files.get_mut(&entry.path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let found = hex(bytes);
        let result = entry.verify(&damaged.source(), |_| Ok::<_, Error>(())).await;
        refused(result, &[&entry.path, "SHA-256", &entry.sha256, &found, "damaged"]);
        bytes_missing(entry, &pack);
    }
}

fn bytes_missing(entry: &FileEntry, pack: &Pack) {
    let mut short = pack.clone();
    short.files.get_mut(&entry.path).unwrap().pop();
    refused(block_on(entry.verify(&short.source(), |_| Ok::<_, Error>(()))), &[&entry.path, "found"]);
    let endless = FileEntry { bytes: u64::MAX, ..entry.clone() };
    refused(block_on(endless.verify(&pack.source(), |_| Ok::<_, Error>(()))), &[&entry.path, "found"]);
}

#[pollster::test]
async fn progress_can_stop_a_verification() {
    let pack = Pack::sound();
    let manifest = open(Arc::new(pack.source())).unwrap().manifest;
    let stop = |_| Err(Error::MissingFile { file: "stopped".to_owned() });
    refused(manifest.shards[0].file.verify(&pack.source(), stop).await, &["stopped"]);
}

#[pollster::test]
async fn scales_and_weights_that_are_no_numbers_are_named_with_their_place() {
    // Tensor, the part of it, the half word in that part, the weight it belongs to.
    for (name, part, half, index) in [
        ("q8", "q8.scales", 2, 32),
        ("q4", "q4.1.scales", 2, 4 * 96 + 64),
        ("q4", "q4.0.scales", 5, 96 + 32),
        // A row of three blocks has a half that nobody reads.
        ("q4", "q4.0.scales", 7, 96 + 64),
        ("offset", "offset.scales", 3, 32),
        ("offset", "offset.scales", 4, 64),
        ("table", "table.0", 4, 4),
        ("table", "table.1", 1, 10),
        ("bias", "bias", 3, 3),
    ] {
        let mut pack = Pack::sound();
        let shard = usize::from(matches!(name, "offset" | "bias") || part == "table.1");
        pack.reshard(shard, |header, data| {
            let offsets = &header[format!("part/{part}")]["data_offsets"];
            let at = offsets[0].as_u64().unwrap() as usize + 2 * half;
            data[at..at + 2].copy_from_slice(&0x7fff_u16.to_le_bytes());
        });
        let part = &open(Arc::new(pack.source())).unwrap().components[0];
        let index = format!("index {index}");
        refused(part.read_f32(name).await, &[SHARDS[shard], name, "finite", "NaN", &index]);
    }
}

#[pollster::test]
async fn headers_of_another_pack_are_refused() {
    let source: Arc<dyn ByteSource> = Arc::new(Pack::sound().source());
    let manifest = Manifest::read(&*source).await.unwrap().unwrap();
    refused(manifest.component(source.clone(), &[], "part"), &["part", "table", "shard 0"]);
    let mut headers = manifest.headers(&*source).await.unwrap();
    headers[1].tensors.remove("part/bias");
    refused(manifest.component(source.clone(), &headers, "part"), &["part/bias", "shard 1"]);
    manifest.component(source, &headers, "other").unwrap();
}

#[test]
fn the_fingerprint_is_of_everything() {
    let pack = Pack::sound();
    let fingerprint = |pack: &Pack| pack.open().unwrap().manifest.fingerprint();
    let first = fingerprint(&pack);
    assert_eq!(first, fingerprint(&pack.clone()));
    for (pointer, value) in [
        ("/source", json!("9")),
        ("/configs/part~1config.json/width", json!(4)),
        ("/shards/0/file/sha256", json!("0".repeat(64))),
        ("/search", json!("least-squares")),
    ] {
        let mut other = pack.clone();
        *other.manifest.pointer_mut(pointer).unwrap() = value;
        assert_ne!(first, fingerprint(&other), "{pointer}");
    }
}
