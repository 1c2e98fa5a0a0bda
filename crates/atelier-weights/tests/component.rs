//! Opening and reading components that are as they should be.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use atelier_weights::{
    ByteSource, Component, Dtype, Error, MAX_JSON, MemorySource, Result, Scheme, read_all, read_json,
};
use common::{file, index, one, open, open_file, refused};
use futures_lite::future::block_on;

fn le32(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[pollster::test]
async fn single_file() {
    let part = open(&[("part/model.safetensors", one("w", "F32", &[2], &le32(&[1.5, -2.0])))]).unwrap();
    assert_eq!(part.folder(), "part");
    assert_eq!(part.location(), "part");
    assert_eq!(part.files().map(|(path, _)| path).collect::<Vec<_>>(), ["part/model.safetensors"]);
    let info = part.get("w").unwrap();
    assert_eq!((info.dtype, info.shape.as_slice()), (Dtype::F32, [2].as_slice()));
    assert_eq!((info.bytes(), info.pieces().collect::<Vec<_>>()), (8, vec![2]));
    assert_eq!(part.read_f32("w").await.unwrap(), [1.5, -2.0]);
    assert_eq!(*part.read_bytes("w").await.unwrap(), le32(&[1.5, -2.0]));
    assert!(part.get("x").is_none());
    refused(part.read_f32("x").await, &["part", "\"x\"", "not found"]);
}

#[pollster::test]
async fn index_wins_and_order_is_by_name() {
    let part = open(&[
        ("part/model.safetensors", b"nonsense".to_vec()),
        ("part/model.safetensors.index.json", index(&[("a", "z"), ("b", "y"), ("c", "z")])),
        (
            "part/z",
            file(
                r#"{"c":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}"#,
                &[3, 1],
            ),
        ),
        ("part/y", one("b", "U8", &[1, 1], &[2])),
    ])
    .unwrap();
    assert_eq!(part.tensors().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(part.files().map(|(path, _)| path).collect::<Vec<_>>(), ["part/y", "part/z"]);
    for (name, value) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(part.read_u8(name).await.unwrap(), [value]);
    }
}

#[pollster::test]
async fn root_folder_and_loose_file() {
    let source: Arc<dyn ByteSource> =
        Arc::new([("model.safetensors", one("w", "U8", &[1], &[7]))].into_iter().collect::<MemorySource>());
    let part = Component::open(source.clone(), "", "model").await.unwrap();
    assert_eq!((part.folder(), part.location().as_str()), ("", "(memory)"));
    let loose = Component::open_file(source, "model.safetensors").await.unwrap();
    assert_eq!((loose.folder(), loose.location().as_str()), ("", "model.safetensors"));
    assert_eq!(loose.read_u8("w").await.unwrap(), [7]);
}

#[pollster::test]
async fn empty_tensors_and_scalars() {
    let json = r#"{"none":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},"one":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"last":{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]}}"#;
    let part = open_file(file(json, &le32(&[9.0]))).unwrap();
    assert!(part.read_f32("none").await.unwrap().is_empty());
    assert!(part.read_f32("last").await.unwrap().is_empty());
    assert!(part.read_bytes("none").await.unwrap().is_empty());
    assert!(part.read_rows_f32("none", 0..0).await.unwrap().is_empty());
    assert!(part.read_rows_f32("last", 1..3).await.unwrap().is_empty());
    assert_eq!(part.read_f32("one").await.unwrap(), [9.0]);
    refused(part.read_rows_f32("one", 0..1).await, &["a.safetensors", "\"one\"", "[]"]);
    refused(part.read_rows_f32("none", 0..1).await, &["\"none\"", "0 to 1", "[0, 4]"]);
}

#[pollster::test]
async fn every_half_converts_as_the_half_crate_does() {
    for (dtype, convert) in [
        ("F16", (|bits| half::f16::from_bits(bits).to_f32()) as fn(u16) -> f32),
        ("BF16", |bits| half::bf16::from_bits(bits).to_f32()),
    ] {
        let finite: Vec<u16> = (0..=u16::MAX).filter(|bits| convert(*bits).is_finite()).collect();
        let data: Vec<u8> = finite.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        // Names of all lengths, so that the data starts at every alignment.
        for name in ["w", "ww", "www", "wwww"] {
            let part = open_file(one(name, dtype, &[finite.len()], &data)).unwrap();
            let found = part.read_f32(name).await.unwrap();
            assert_eq!(found.len(), finite.len());
            for (bits, found) in finite.iter().zip(found) {
                assert_eq!(found.to_bits(), convert(*bits).to_bits(), "{dtype} {bits:#06x}");
            }
        }
        for bits in (0..=u16::MAX).filter(|bits| !convert(*bits).is_finite()) {
            let part = open_file(one("w", dtype, &[1], &bits.to_le_bytes())).unwrap();
            refused(part.read_f32("w").await, &["a.safetensors", "\"w\"", "flat index 0"]);
        }
    }
}

/// Codes 0 to 126 of torch's `float8_e4m3fn` in units of 2^-9, as ml_dtypes 0.5 has them.
const E4M3: [u32; 127] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 44, 48,
    52, 56, 60, 64, 72, 80, 88, 96, 104, 112, 120, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320,
    352, 384, 416, 448, 480, 512, 576, 640, 704, 768, 832, 896, 960, 1024, 1152, 1280, 1408, 1536, 1664,
    1792, 1920, 2048, 2304, 2560, 2816, 3072, 3328, 3584, 3840, 4096, 4608, 5120, 5632, 6144, 6656, 7168,
    7680, 8192, 9216, 10240, 11264, 12288, 13312, 14336, 15360, 16384, 18432, 20480, 22528, 24576, 26624,
    28672, 30720, 32768, 36864, 40960, 45056, 49152, 53248, 57344, 61440, 65536, 73728, 81920, 90112, 98304,
    106496, 114688, 122880, 131072, 147456, 163840, 180224, 196608, 212992, 229376,
];

#[pollster::test]
async fn every_float_of_eight_bits_is_the_number_that_torch_reads() {
    let finite: Vec<u8> = (0..=u8::MAX).filter(|code| code & 0x7f != 0x7f).collect();
    let expected = |code: u8| {
        let magnitude = E4M3[usize::from(code & 0x7f)] as f32 / 512.0;
        if code < 0x80 { magnitude } else { -magnitude }
    };
    let part = open_file(one("w", "F8_E4M3", &[2, 127], &finite)).unwrap();
    let found = part.read_f32("w").await.unwrap();
    assert_eq!(found.len(), 254);
    for (&code, found) in finite.iter().zip(&found) {
        // To the bit: zero has two signs.
        assert_eq!(found.to_bits(), expected(code).to_bits(), "{code:#04x}");
    }
    assert_eq!(part.read_rows_f32("w", 1..2).await.unwrap(), found[127..]);
    // Two bytes of the last word are no weights.
    let (scheme, piece) = part.read_piece("w", 0).await.unwrap();
    assert_eq!((scheme, piece.rows, piece.packed.codes.len()), (Scheme::F8, 0..2, 64));
    assert_eq!(scheme.unpack(127, &piece.packed)[..254], found);
    assert_eq!(part.get("w").unwrap().bytes(), 254);
    for nan in [0x7f, 0xff] {
        let part = open_file(one("w", "F8_E4M3", &[3], &[0, 0x38, nan])).unwrap();
        refused(part.read_f32("w").await, &["a.safetensors", "\"w\"", "NaN at flat index 2"]);
        refused(part.read_piece("w", 0).await, &["\"w\"", "NaN at flat index 2"]);
        assert_eq!(part.read_rows_f32("w", 0..2).await.unwrap(), [0.0, 1.0]);
    }
}

#[pollster::test]
async fn not_finite_is_found_anywhere() {
    for (at, value, shown) in [
        (0, f32::NAN, "NaN"),
        (2047, f32::INFINITY, "inf"),
        (2048, f32::NEG_INFINITY, "-inf"),
        (4999, f32::NAN, "NaN"),
    ] {
        let mut numbers = vec![0.5; 5000];
        numbers[at] = value;
        let part = open_file(one("w", "F32", &[50, 100], &le32(&numbers))).unwrap();
        let index = format!("{shown} at flat index {at}");
        refused(part.read_f32("w").await, &["a.safetensors", "\"w\"", &index]);
        let row = at / 100;
        refused(part.read_rows_f32("w", row..50).await, &[&index]);
        if row > 0 {
            assert_eq!(part.read_rows_f32("w", 0..row).await.unwrap(), vec![0.5; row * 100]);
        }
    }
}

#[pollster::test]
async fn rows() {
    let numbers: Vec<f32> = (0..24_u8).map(f32::from).collect();
    let part = open_file(one("w", "F32", &[4, 2, 3], &le32(&numbers))).unwrap();
    for start in 0..=4 {
        for end in start..=4 {
            let rows = part.read_rows_f32("w", start..end).await.unwrap();
            assert_eq!(rows, numbers[start * 6..end * 6]);
        }
    }
    #[allow(clippy::reversed_empty_ranges)]
    for rows in [0..5, 4..5, 5..5, 3..2, usize::MAX..usize::MAX] {
        refused(part.read_rows_f32("w", rows).await, &["a.safetensors", "\"w\"", "[4, 2, 3]"]);
    }
}

#[pollster::test]
async fn dtypes_that_are_not_asked_for() {
    let ints: Vec<u8> = [1_i32, -2].iter().flat_map(|n| n.to_le_bytes()).collect();
    let part = open_file(one("w", "I32", &[2], &ints)).unwrap();
    assert_eq!(part.read_i32("w").await.unwrap(), [1, -2]);
    refused(part.read_f32("w").await, &["a.safetensors", "\"w\"", "F32, F16, BF16 or F8_E4M3", "found I32"]);
    refused(part.read_rows_f32("w", 0..1).await, &["\"w\"", "found I32"]);
    refused(part.read_u8("w").await, &["\"w\"", "expected U8, found I32"]);
    let part = open_file(one("w", "U8", &[2], &[1, 2])).unwrap();
    refused(part.read_i32("w").await, &["\"w\"", "expected I32, found U8"]);
    for &dtype in Dtype::ALL {
        assert_eq!(Dtype::from_name(dtype.name()), Some(dtype));
        assert_eq!(dtype.to_string(), dtype.name());
        let data = vec![0; dtype.bits() * 8 / 8];
        let part = open_file(one("w", dtype.name(), &[8], &data)).unwrap();
        let float = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::Bf16 | Dtype::F8E4m3);
        assert_eq!(part.read_f32("w").await.is_ok(), float, "{dtype}");
    }
    assert_eq!((Dtype::Bf16.size(), Dtype::F32.size(), Dtype::F4.size()), (2, 4, 1));
}

#[test]
fn fingerprint_sees_names_headers_and_both_ends() {
    let data = vec![5; 300 << 10];
    let print = |path: &str, bytes: &[u8]| {
        let source: MemorySource = [(path, bytes)].into_iter().collect();
        let part = block_on(Component::open_file(Arc::new(source), path)).unwrap();
        block_on(part.fingerprint()).unwrap()
    };
    let bytes = one("w", "U8", &[data.len()], &data);
    let start = bytes.len() - data.len();
    let whole = print("a", &bytes);
    assert_eq!(whole, print("a", &bytes));
    assert_ne!(whole, print("b", &bytes));
    assert_ne!(whole, print("a", &one("v", "U8", &[data.len()], &data)));
    assert_ne!(whole, print("a", &one("w", "U8", &[data.len() - 1], &data[1..])));
    let changed = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        print("a", &bytes) != whole
    };
    assert!(changed(start) && changed(start + (64 << 10) - 1));
    assert!(changed(bytes.len() - 1) && changed(bytes.len() - (64 << 10)));
    // The middle is not read: that is what makes it cheap.
    assert!(!changed(start + (64 << 10)) && !changed(bytes.len() - (64 << 10) - 1));
    // The format of the hash is part of what other programs store.
    let small = print("a", &one("w", "U8", &[2], &[1, 2]));
    let hex: String = small.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "533692b66b6153db30bf9a841d81df3011535884c339fea3ad8d3c265c33374c");
}

#[pollster::test]
async fn json_files() {
    let source: MemorySource =
        [("a.json", &b"{\"x\":\n 3}"[..]), ("b.json", b"{\"x\":\n oh}"), ("c.json", b"\"\xff\"")]
            .into_iter()
            .collect();
    let good: std::collections::BTreeMap<String, u32> = read_json(&source, "a.json").await.unwrap();
    assert_eq!(good["x"], 3);
    type Value = serde_json::Value;
    refused(read_json::<Value>(&source, "b.json").await, &["b.json", "line 2 column"]);
    refused(read_json::<Value>(&source, "c.json").await, &["c.json", "UTF-8", "offset 1"]);
    refused(read_json::<Value>(&source, "d.json").await, &["d.json: no such file"]);
    assert!(read_all(&source, "d.json", 9).await.unwrap().is_none());
    assert_eq!(read_all(&source, "a.json", 9).await.unwrap().unwrap().len(), 9);
    refused(read_all(&source, "a.json", 8).await, &["a.json", "at most 8", "found 9"]);
    refused(source.read("a.json", 4..10).await, &["a.json", "4 to 10", "found 9"]);
    refused(source.read("d.json", 0..1).await, &["d.json"]);
}

/// A source that claims sizes it does not have, or gives other lengths than asked for.
struct Liar(u64, Vec<u8>);

#[async_trait(?Send)]
impl ByteSource for Liar {
    async fn size(&self, _: &str) -> Result<Option<u64>> {
        Ok(Some(self.0))
    }

    async fn read(&self, _: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let start = (range.start as usize).min(self.1.len());
        Ok(Cow::Borrowed(&self.1[start..]))
    }

    fn locate(&self, path: &str) -> String {
        path.to_owned()
    }
}

#[pollster::test]
async fn a_source_that_lies_is_caught() {
    refused(read_all(&Liar(5, vec![0; 4]), "x", 9).await, &["x", "0 to 5", "found 4"]);
    refused(read_json::<u8>(&Liar(MAX_JSON + 1, vec![]), "x").await, &["x", "at most 67108864"]);
    let bytes = one("w", "U8", &[1], &[0]);
    let result = Component::open_file(Arc::new(Liar(bytes.len() as u64, bytes)), "x").await;
    assert!(matches!(result, Err(Error::ShortRead { .. })), "{result:?}");
}

#[test]
fn a_variant_is_opened_where_plain_files_are_missing() {
    let weights = |number: u8| one("w", "U8", &[1], &[number]);
    let opened = |files: &[(&str, Vec<u8>)]| {
        let part = open(files).unwrap();
        (part.variant(), block_on(part.read_u8("w")).unwrap()[0])
    };
    let shard = "model.fp16-00001-of-00001.safetensors";
    let half = ("part/model.fp16.safetensors", weights(16));
    let brain = ("part/model.bf16.safetensors", weights(8));
    assert_eq!(opened(&[half.clone(), ("part/model.safetensors", weights(32))]), (None, 32));
    assert_eq!(opened(&[half.clone(), brain.clone()]), (Some("fp16"), 16));
    assert_eq!(opened(std::slice::from_ref(&brain)), (Some("bf16"), 8));
    for name in ["safetensors.index.fp16.json", "safetensors.fp16.index.json", "fp16.safetensors.index.json"]
    {
        let index = (&*format!("part/model.{name}"), index(&[("w", shard)]));
        let files = [index, (&*format!("part/{shard}"), weights(1)), half.clone()];
        assert_eq!(opened(&files), (Some("fp16"), 1), "{name}");
    }
    refused(
        open(&[("part/model.fp32.safetensors", weights(1))]),
        &["part/model.safetensors", "variant", "fp16"],
    );
}
