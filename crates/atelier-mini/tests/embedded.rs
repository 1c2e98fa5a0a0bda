//! What is built in is what lies in `models/mini`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use atelier_mini::Mini;
use atelier_weights::{ByteSource, Error, read_all};

fn folder() -> PathBuf {
    PathBuf::from("../../models/mini")
}

/// Relative paths of all files below `folder`.
fn walk(folder: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &format!("{name}/"), paths);
        } else {
            paths.push(name);
        }
    }
}

#[test]
fn the_list_is_the_folder() {
    let mut paths = Vec::new();
    walk(&folder(), "", &mut paths);
    paths.sort();
    assert_eq!(Mini::files().map(|(path, _)| path).collect::<Vec<_>>(), paths);
}

#[pollster::test]
async fn every_file_is_read_as_it_is() {
    for (path, embedded) in Mini::files() {
        let file = fs::read(folder().join(path)).unwrap();
        assert!(embedded == file, "{path}");
        assert_eq!(Mini.size(path).await.unwrap(), Some(file.len() as u64));
        assert!(read_all(&Mini, path, u64::MAX).await.unwrap() == Some(file.clone()), "{path}");
        assert_eq!(*Mini.read(path, 3..9).await.unwrap(), file[3..9]);
    }
}

#[test]
fn it_fits_in_the_box() {
    let bytes: usize = Mini::files().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes <= 16_000_000, "{bytes} bytes");
}

#[pollster::test]
async fn what_is_not_there_is_named() {
    assert_eq!(Mini.size("vae/other.json").await.unwrap(), None);
    let error = Mini.read("vae/other.json", 0..1).await.unwrap_err();
    assert_eq!(error.to_string(), "vae/other.json of the built-in model mini: no such file");
    for range in [0..u64::MAX, u64::MAX - 1..u64::MAX] {
        let error = Mini.read("vae/config.json", range).await.unwrap_err();
        assert!(matches!(error, Error::ShortRead { .. }), "{error}");
    }
    assert_eq!(Mini.locate(""), "built-in model mini");
}
