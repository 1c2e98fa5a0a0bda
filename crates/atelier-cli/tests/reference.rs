//! The program against the reference's golden files.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Desk, Tensors, manifest, pixels, reference};

fn check(name: &str, sources: &[&str]) {
    let desk = Desk::new();
    let entry = manifest(name);
    let file = reference().join(format!("golden/{name}.safetensors"));
    let golden = Tensors::open(&file);
    let &[_, height, width, _] = golden.shape("image_u8") else { panic!("a picture") };
    let (width, height) = (width.to_string(), height.to_string());
    let mut args = vec![entry["params"]["prompt"].as_str().unwrap(), "-W", &width, "-H", &height];
    args.extend(["--latents", file.to_str().unwrap(), "--temperature", "0", "--steps", "4"]);
    args.extend(["--guidance", "1.5", "--trace", "trace.safetensors", "-o", "out.png"]);
    for source in sources {
        let shape = golden.shape(source);
        let picture =
            image::RgbImage::from_raw(shape[1] as u32, shape[0] as u32, golden.bytes(source)).unwrap();
        picture.save(desk.path(&format!("{source}.png"))).unwrap();
    }
    let files: Vec<String> = sources.iter().map(|source| format!("{source}.png")).collect();
    args.extend(files.iter().flat_map(|file| ["-i", file]));
    desk.draw(&args);

    let (_, _, levels) = pixels(&desk.path("out.png"));
    assert_levels("out.png", &levels, &golden.bytes("image_u8"));
    let trace = Tensors::open(&desk.path("trace.safetensors"));
    let tolerance = |key: &str| entry["tolerance"][key].as_f64().unwrap() as f32;
    let (atol, rtol) = (tolerance("atol"), tolerance("rtol"));
    for (tensor, facts) in entry["tensors"].as_object().unwrap() {
        if facts["role"] == "input" && !trace.has(tensor) {
            continue;
        }
        assert_eq!(trace.shape(tensor), golden.shape(tensor), "{tensor}");
        if golden.is_float(tensor) {
            for (got, want) in trace.f32(tensor).iter().zip(golden.f32(tensor)) {
                assert!((got - want).abs() <= atol + rtol * want.abs(), "{tensor}: {got} for {want}");
            }
        } else if tensor == "image_u8" {
            assert_levels(tensor, &trace.bytes(tensor), &golden.bytes(tensor));
        } else {
            assert_eq!(trace.bytes(tensor), golden.bytes(tensor), "{tensor}");
        }
    }
}

fn assert_levels(what: &str, got: &[u8], want: &[u8]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let worst = got.iter().zip(want).map(|(got, want)| got.abs_diff(*want)).max();
    assert!(worst <= Some(1), "{what}: {worst:?} levels apart");
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
