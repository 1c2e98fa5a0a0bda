//! Every way a file can be wrong, and the message it gets.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use atelier_weights::{Component, Error, Header, MAX_HEADER, MemorySource};
use common::{file, index, one, open, open_file, refused};

const FILE: &str = "dir/a.safetensors";

/// A header of one tensor `t` with this body, and eight bytes of data.
fn body(body: &str) -> Vec<u8> {
    file(&format!(r#"{{"t":{{{body}}}}}"#), &[0; 8])
}

#[test]
fn shorter_than_the_length() {
    for size in 0..8 {
        let found = format!("found {size}");
        refused(open_file(vec![1; size]), &[FILE, "at least 8 bytes", &found]);
    }
}

#[test]
fn header_too_long() {
    let length = MAX_HEADER + 1;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend([b' '; 100]);
    refused(open_file(bytes), &[FILE, "at most 100000000", "100000001"]);
    refused(open_file(u64::MAX.to_le_bytes().to_vec()), &[FILE, "18446744073709551615"]);
}

#[test]
fn header_beyond_the_end() {
    let mut bytes = 90_u64.to_le_bytes().to_vec();
    bytes.extend([b' '; 50]);
    refused(open_file(bytes), &[FILE, "90 bytes", "58 bytes"]);
    refused(Header::parse("x", b"{}", 9), &["x", "2 bytes", "9 bytes"]);
    refused(Header::parse("x", b"{}", 0), &["x"]);
}

#[test]
fn header_not_utf8() {
    let mut bytes = one("t", "U8", &[1], &[0]);
    bytes[10] = 0xff;
    refused(open_file(bytes), &[FILE, "UTF-8", "offset 2"]);
}

#[test]
fn header_not_an_object() {
    for json in ["", " ", "[]", "1", "null", "\"x\"", "{", "{\"t\"", "{}{}", "{}x", "{\"t\":}", "{\"t\":{}}"]
    {
        refused(open_file(file(json, &[])), &[FILE, "bad header", "line 1 column"]);
    }
}

#[test]
fn header_entry_of_the_wrong_type_names_the_tensor() {
    for wrong in [
        r#""dtype":"U8","shape":[8]"#,
        r#""dtype":"U8","data_offsets":[0,8]"#,
        r#""shape":[8],"data_offsets":[0,8]"#,
        r#""dtype":"U8","shape":[-8],"data_offsets":[0,8]"#,
        r#""dtype":"U8","shape":[8.0],"data_offsets":[0,8]"#,
        r#""dtype":"U8","shape":8,"data_offsets":[0,8]"#,
        r#""dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,8]"#,
        r#""dtype":"U8","shape":[8],"data_offsets":[0]"#,
        r#""dtype":"U8","shape":[8],"data_offsets":[0,8,9]"#,
        r#""dtype":"U8","shape":[8],"data_offsets":[-1,8]"#,
        r#""dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]"#,
        r#""dtype":8,"shape":[8],"data_offsets":[0,8]"#,
    ] {
        let message = refused(open_file(body(wrong)), &[FILE, "tensor \"t\"", "line 1 column"]);
        assert_eq!(message.matches("line 1").count(), 1, "{message}");
    }
    refused(open_file(file(r#"{"t":null}"#, &[])), &[FILE, "tensor \"t\"", "dtype, shape and data_offsets"]);
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = "[".repeat(1_000_000);
    refused(open_file(file(&format!(r#"{{"t":{deep}"#), &[])), &[FILE, "\"t\""]);
    refused(open_file(file(&format!(r#"{{"t":{{"x":{deep}"#), &[])), &[FILE, "\"t\""]);
    let objects = r#"{"weight_map":"#.repeat(100_000);
    refused(open(&[("part/model.safetensors.index.json", objects.into_bytes())]), &["index.json"]);
    let extra = format!(r#"{{"extra":{deep}"#);
    refused(open(&[("part/model.safetensors.index.json", extra.into_bytes())]), &["index.json"]);
}

#[test]
fn metadata_is_text_to_text() {
    for wrong in ["null", "1", "[]", r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":{}}"#, r#"{"a":"x","a":"y"}"#] {
        let bytes = file(&format!(r#"{{"__metadata__":{wrong}}}"#), &[]);
        refused(open_file(bytes), &[FILE, "__metadata__"]);
    }
    let twice = file(r#"{"__metadata__":{},"__metadata__":{}}"#, &[]);
    refused(open_file(twice), &[FILE, "__metadata__", "twice"]);
    let fine = open_file(file(r#"{"__metadata__":{"format":"pt"}}"#, &[])).unwrap();
    assert_eq!(fine.metadata()["format"], "pt");
}

#[test]
fn duplicate_names() {
    let json = r#"{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"t":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#;
    refused(open_file(file(json, &[0; 8])), &[FILE, "tensor \"t\"", "twice"]);
}

#[test]
fn unknown_dtype() {
    for dtype in ["", "F31", "f32", "BF16 ", "Q4_0"] {
        refused(open_file(one("t", dtype, &[2], &[0; 8])), &[FILE, "tensor \"t\"", &format!("{dtype:?}")]);
    }
}

#[test]
fn reversed_offsets() {
    refused(
        open_file(body(r#""dtype":"U8","shape":[8],"data_offsets":[8,0]"#)),
        &[FILE, "tensor \"t\"", "reversed", "[8, 0]"],
    );
}

#[test]
fn offsets_outside() {
    refused(
        open_file(body(r#""dtype":"U8","shape":[9],"data_offsets":[0,9]"#)),
        &[FILE, "tensor \"t\"", "offset 9", "8 bytes"],
    );
    let max = usize::MAX;
    refused(
        open_file(body(&format!(r#""dtype":"U8","shape":[{max}],"data_offsets":[0,{max}]"#))),
        &[FILE, "\"t\""],
    );
}

fn two(first: (u64, u64), second: (u64, u64), size: usize) -> Vec<u8> {
    let entry = |name: &str, (start, end): (u64, u64)| {
        format!(r#""{name}":{{"dtype":"U8","shape":[{}],"data_offsets":[{start},{end}]}}"#, end - start)
    };
    file(&format!("{{{},{}}}", entry("a", first), entry("b", second)), &vec![0; size])
}

#[test]
fn overlaps() {
    for (first, second) in [((0, 8), (4, 8)), ((0, 4), (0, 8)), ((0, 8), (0, 8)), ((0, 8), (3, 3))] {
        refused(
            open_file(two(first, second, 8)),
            &[FILE, "tensor \"b\"", "overlaps", "expected start offset"],
        );
    }
}

#[test]
fn gaps() {
    refused(open_file(two((0, 3), (4, 8), 8)), &[FILE, "tensor \"b\"", "gap", "offset 3", "found 4"]);
    refused(open_file(two((4, 8), (2, 4), 8)), &[FILE, "tensor \"b\"", "gap", "offset 0", "found 2"]);
}

#[test]
fn size_mismatch() {
    let bytes = body(r#""dtype":"F32","shape":[3],"data_offsets":[0,8]"#);
    refused(open_file(bytes), &[FILE, "tensor \"t\"", "F32", "[3]", "12 bytes", "found 8"]);
    refused(open_file(one("t", "F32", &[], &[0; 8])), &[FILE, "\"t\"", "[]", "4 bytes", "found 8"]);
    refused(open_file(one("t", "F32", &[0, 4], &[0; 8])), &[FILE, "\"t\"", "0 bytes", "found 8"]);
}

#[test]
fn size_overflow() {
    // 2^32 · 2^32 wraps to 0, and 2^62 · 4 bytes wraps to 0.
    for (dtype, shape) in [("U8", "[4294967296,4294967296]"), ("F32", "[4611686018427387904]")] {
        let json = format!(r#"{{"t":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,0]}}}}"#);
        refused(open_file(file(&json, &[])), &[FILE, "tensor \"t\"", dtype, "too large"]);
    }
}

#[test]
fn partial_bytes() {
    refused(open_file(one("t", "F4", &[3], &[0; 2])), &[FILE, "tensor \"t\"", "F4", "whole bytes"]);
    refused(open_file(one("t", "F6_E2M3", &[3], &[0; 2])), &[FILE, "tensor \"t\"", "whole bytes"]);
    open_file(one("t", "F4", &[4], &[0; 2])).unwrap();
    open_file(one("t", "F6_E3M2", &[4], &[0; 3])).unwrap();
}

#[test]
fn file_of_another_size() {
    let mut bytes = one("t", "U8", &[8], &[0; 8]);
    let size = bytes.len();
    bytes.push(0);
    refused(open_file(bytes), &[FILE, &format!("expected {size} bytes"), &format!("found {}", size + 1)]);
}

#[test]
fn truncated_at_every_length() {
    let json = r#"{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]},"b":{"dtype":"BF16","shape":[1,3],"data_offsets":[8,14]}}  "#;
    let whole = file(json, &[0; 14]);
    open_file(whole.clone()).unwrap();
    for size in 0..whole.len() {
        refused(open_file(whole[..size].to_vec()), &[FILE]);
    }
}

#[test]
fn hostile_names_stay_short_and_on_one_line() {
    let name = format!("{}\\n\\u001b[31m", "x".repeat(100_000));
    let message = refused(open_file(one(&name, "U9", &[1], &[0])), &[FILE, "xxx", "U9"]);
    assert!(!message.contains('\u{1b}'));
    let shape = vec![1; 100_000];
    refused(open_file(one("t", "U8", &shape, &[0; 2])), &["\"t\"", "found 2"]);
}

#[test]
fn what_others_say_is_shown_on_one_line() {
    let error = Error::Read { file: "x".to_owned(), reason: "first\nsecond\u{1b}".to_owned() };
    let message = refused::<()>(Err(error), &["x: cannot read: first second"]);
    assert!(!message.contains('\u{1b}'));
}

const INDEX: &str = "part/model.safetensors.index.json";

fn shard(name: &str) -> Vec<u8> {
    one(name, "U8", &[1], &[0])
}

#[test]
fn neither_index_nor_file() {
    refused(open(&[("part/other.safetensors", shard("a"))]), &[INDEX, "part/model.safetensors exists"]);
}

#[pollster::test]
async fn missing_loose_file() {
    let nothing = Arc::new(MemorySource::new());
    refused(Component::open_file(nothing, "gone.safetensors").await, &["gone.safetensors: no such file"]);
}

#[test]
fn index_not_json() {
    for wrong in
        ["", "{", "[]x", "{}", r#"{"weight_map":1}"#, r#"{"weight_map":{"a":1}}"#, r#"{"weight_map":[]}"#]
    {
        refused(open(&[(INDEX, wrong.into())]), &[INDEX, "line 1 column"]);
    }
    refused(open(&[(INDEX, b"{\"weight_map\":{\"\xff\":\"s\"}}".to_vec())]), &[INDEX, "UTF-8", "offset 16"]);
}

#[test]
fn index_empty() {
    refused(open(&[(INDEX, index(&[]))]), &[INDEX, "weight_map is empty"]);
}

#[test]
fn index_shard_names() {
    for name in ["../x", "a/b", "a\\b", "..", ".", "", "/etc/passwd", "C:x", "a\u{0}b", "a\nb"] {
        let json = format!(r#"{{"weight_map":{{"a":{}}}}}"#, serde_json::to_string(name).unwrap());
        refused(open(&[(INDEX, json.into_bytes())]), &[INDEX, "tensor \"a\"", &format!("{name:?}")]);
    }
}

#[test]
fn index_missing_shard() {
    let files = [(INDEX, index(&[("a", "s1"), ("b", "s2")])), ("part/s1", shard("a"))];
    refused(open(&files), &[INDEX, "shard \"s2\" is missing", "part/s2"]);
}

#[test]
fn index_broken_shard_names_the_shard() {
    let files = [(INDEX, index(&[("a", "s1")])), ("part/s1", vec![1, 2, 3])];
    refused(open(&files), &["part/s1", "at least 8 bytes"]);
}

#[test]
fn index_tensor_absent_in_its_shard() {
    let files = [(INDEX, index(&[("a", "s1"), ("b", "s1")])), ("part/s1", shard("a"))];
    refused(open(&files), &[INDEX, "tensor \"b\"", "\"s1\"", "not found"]);
    let swapped =
        [(INDEX, index(&[("a", "s1"), ("b", "s2")])), ("part/s1", shard("b")), ("part/s2", shard("a"))];
    refused(open(&swapped), &[INDEX, "tensor \"a\"", "\"s1\"", "not found"]);
}

#[test]
fn index_unlisted_tensor() {
    let files = [(INDEX, index(&[("a", "s1")])), ("part/s1", two((0, 1), (1, 2), 2))];
    refused(open(&files), &[INDEX, "tensor \"b\"", "\"s1\"", "does not list"]);
}

#[test]
fn index_tensor_in_two_shards() {
    let files = [
        (INDEX, index(&[("a", "s1"), ("b", "s2")])),
        ("part/s1", shard("a")),
        ("part/s2", two((0, 1), (1, 2), 2)),
    ];
    refused(open(&files), &[INDEX, "tensor \"a\"", "\"s1\"", "\"s2\""]);
    let listed =
        [(INDEX, index(&[("a", "s1"), ("a", "s2")])), ("part/s1", shard("a")), ("part/s2", shard("a"))];
    refused(open(&listed), &[INDEX, "tensor \"a\"", "\"s1\"", "\"s2\""]);
}
