//! An arbitrary manifest beside an arbitrary shard: refused in one line of words, or every tensor read.
//!
//! The input is the manifest, a zero byte, and the header of the shard `a`, which is filled up with spaces to 1024 bytes,
//! its length included; 1024 bytes of data follow. So a shard keeps its size while its header is changed.
#![no_main]

use std::sync::Arc;

use atelier_weights::{ByteSource, Error, MANIFEST, Manifest, MemorySource, Result};
use futures_lite::future::block_on;
use libfuzzer_sys::fuzz_target;

const HEADER: usize = 1024 - 8;

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (manifest, header) = input.split_at(cut);
    let mut header = header.get(1..).unwrap_or_default().to_vec();
    header.resize(HEADER, b' ');
    let shard = [&(HEADER as u64).to_le_bytes()[..], &header, &[0x3f; 1024]].concat();
    let source: MemorySource =
        [(MANIFEST, manifest), ("a", &shard), ("other", b"{}")].into_iter().collect();
    let _ = block_on(read(Arc::new(source))).inspect_err(one_line);
});

/// Reads every tensor in every way.
async fn read(source: Arc<dyn ByteSource>) -> Result<()> {
    let manifest = Manifest::read(&*source).await?.expect("there is a manifest");
    let headers = manifest.headers(&*source).await?;
    let mut tensors = 0;
    let mut folders: Vec<&str> = manifest.tensors.iter().map(|tensor| tensor.component.as_str()).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        // A manifest whose headers fit has components.
        let component = manifest.component(source.clone(), &headers, folder).expect("the headers are the pack's");
        for (name, stored) in component.tensors() {
            tensors += 1;
            if let Ok(values) = component.read_f32(name).await.inspect_err(one_line) {
                assert_eq!(values.len(), stored.shape.iter().product::<usize>());
            }
            for piece in 0..stored.pieces().len() {
                let _ = component.read_piece(name, piece).await.inspect_err(one_line);
            }
            component.read_bytes(name).await.expect("a checked tensor is there");
        }
    }
    assert_eq!(tensors, manifest.tensors.len());
    for entry in manifest.entries() {
        let _ = entry.verify(&*source, |_| Ok::<_, Error>(())).await.inspect_err(one_line);
    }
    manifest.fingerprint();
    Ok(())
}

fn one_line(error: &Error) {
    let message = error.to_string();
    assert!(!message.contains('\n') && message.chars().count() < 1500, "{message}");
}
