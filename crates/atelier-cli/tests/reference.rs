//! The program against the reference's golden files.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Sandbox, pixels};
use testkit::{Golden, Tensors, assert_close, assert_levels, reference};

fn check(name: &str, sources: &[&str]) {
    let sandbox = Sandbox::new();
    let file = reference().join(format!("golden/{name}.safetensors"));
    let golden = Golden::open(name);
    let [_, height, width, _] = golden.shape("image_u8")[..] else { panic!("a picture") };
    let (width, height) = (width.to_string(), height.to_string());
    let mut args = vec![golden.entry.prompt(), "-W", &width, "-H", &height];
    args.extend(["--latents", file.to_str().unwrap(), "--temperature", "0", "--steps", "4"]);
    args.extend(["--guidance", "1.5", "--trace", "trace.safetensors", "-o", "out.png"]);
    for source in sources {
        let shape = golden.shape(source);
        let picture =
            image::RgbImage::from_raw(shape[1] as u32, shape[0] as u32, golden.bytes(source)).unwrap();
        picture.save(sandbox.path(&format!("{source}.png"))).unwrap();
    }
    let files: Vec<String> = sources.iter().map(|source| format!("{source}.png")).collect();
    args.extend(files.iter().flat_map(|file| ["-i", file]));
    sandbox.draw(&args);

    let (_, _, levels) = pixels(&sandbox.path("out.png"));
    assert_levels("out.png", &levels, &golden.u8("image_u8"), 1);
    let trace = Tensors::open(&sandbox.path("trace.safetensors"));
    for (tensor, output) in golden.entry.tensors() {
        if !output && !trace.has(tensor) {
            continue;
        }
        assert_eq!(trace.shape(tensor), golden.shape(tensor), "{tensor}");
        if golden.is_float(tensor) {
            assert_close(tensor, &trace.f32(tensor), &golden.f32(tensor), golden.entry.tolerance());
        } else if tensor == "image_u8" {
            assert_levels(tensor, &trace.u8(tensor), &golden.u8(tensor), 1);
        } else {
            assert_eq!(trace.bytes(tensor), golden.bytes(tensor), "{tensor}");
        }
    }
}

#[test]
fn text_to_image() {
    check("e2e_t2i_b", &[]);
}

#[test]
fn image_to_image() {
    check("e2e_i2i_one", &["source0_u8"]);
}

#[test]
fn two_source_images() {
    check("e2e_i2i_two", &["source0_u8", "source1_u8"]);
}
