//! Components on disk.
#![cfg(feature = "files")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::borrow::Cow;
use std::fs;
use std::sync::Arc;

use atelier_weights::{ByteSource, Component, FolderSource};
use common::{index, one, refused};
use futures_lite::future::block_on;

#[pollster::test]
async fn a_component_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("part")).unwrap();
    let put = |name: &str, bytes: Vec<u8>| fs::write(dir.path().join("part").join(name), bytes).unwrap();
    put("m.safetensors.index.json", index(&[("a", "m-1.safetensors"), ("b", "m-2.safetensors")]));
    put("m-1.safetensors", one("a", "BF16", &[2], &[0x80, 0x3f, 0x00, 0xc0]));
    put("m-2.safetensors", one("b", "U8", &[3], &[1, 2, 3]));
    let source = Arc::new(FolderSource::open(dir.path()).unwrap());
    let part = Component::open(source.clone(), "part", "m").await.unwrap();
    assert_eq!(part.location(), dir.path().join("part").display().to_string());
    assert_eq!(part.read_f32("a").await.unwrap(), [1.0, -2.0]);
    assert!(matches!(part.read_bytes("b").await.unwrap(), Cow::Borrowed([1, 2, 3])));
    // The same map is lent out again.
    let first = source.read("part/m-2.safetensors", 0..8).await.unwrap();
    let again = source.read("part/m-2.safetensors", 0..8).await.unwrap();
    assert_eq!(first.as_ptr(), again.as_ptr());
    fs::remove_file(dir.path().join("part/m-2.safetensors")).unwrap();
    let place = dir.path().join("part").join("m-2.safetensors").display().to_string();
    refused(Component::open(source, "part", "m").await, &["index.json", "\"m-2.safetensors\"", &place]);
}

#[pollster::test]
async fn folders_that_are_not() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"x").unwrap();
    let name = dir.path().display().to_string();
    refused(FolderSource::open(dir.path().join("gone")), &[&name, "gone", "no such folder"]);
    refused(FolderSource::open(dir.path().join("file")), &[&name, "found a file"]);
    let source = FolderSource::open(dir.path()).unwrap();
    refused(source.read("gone", 0..1).await, &[&name, "gone: no such file"]);
    refused(source.read("file", 0..2).await, &[&name, "file", "0 to 2", "found 1"]);
    assert_eq!(source.size("file").await.unwrap(), Some(1));
    // A folder is not a file, and nothing lies below a file.
    fs::create_dir(dir.path().join("sub")).unwrap();
    assert_eq!(source.size("sub").await.unwrap(), None);
    assert_eq!(source.size("file/below").await.unwrap(), None);
    assert_eq!(source.size("gone").await.unwrap(), None);
    fs::write(dir.path().join("empty"), b"").unwrap();
    assert!(source.read("empty", 0..0).await.unwrap().is_empty());
}

#[pollster::test]
async fn paths_that_leave_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("secret"), b"x").unwrap();
    fs::create_dir(dir.path().join("root")).unwrap();
    let source = FolderSource::open(dir.path().join("root")).unwrap();
    let absolute = dir.path().join("secret").display().to_string();
    for path in ["../secret", "a/../../secret", "..", "./x", "", "a\\b", "..\\secret", "/", &absolute] {
        refused(source.size(path).await, &["refused", &format!("{path:?}")]);
        refused(source.read(path, 0..1).await, &["refused"]);
    }
}

#[test]
fn threads_share_one_source() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..16_u8 {
        fs::write(dir.path().join(n.to_string()), [n; 4]).unwrap();
    }
    let source = FolderSource::open(dir.path()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..16_u8 {
                    assert_eq!(*block_on(source.read(&n.to_string(), 1..4)).unwrap(), [n; 3]);
                }
            });
        }
    });
}
