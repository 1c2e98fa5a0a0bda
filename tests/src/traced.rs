//! What the pipeline traced, against golden files.

use atelier::{RgbImage, TraceTensor, TraceValues};
use testkit::{Golden, assert_close, assert_levels};

/// A picture stored as `[height, width, 3]`.
pub fn image(golden: &Golden, tensor: &str) -> RgbImage {
    let shape = golden.shape(tensor);
    let [.., height, width, 3] = shape[..] else { panic!("{tensor}: shape {shape:?}") };
    RgbImage::new(width, height, golden.u8(tensor)).expect("a picture")
}

/// Compares every traced tensor that the golden file also holds, and insists on `required`.
pub fn assert_traced(golden: &Golden, traced: &[(String, TraceTensor)], required: &[&str]) {
    let file = &golden.entry.name;
    let find = |name: &str| traced.iter().find(|(n, _)| n == name).map(|(_, t)| t);
    for name in required {
        assert!(find(name).is_some() && golden.has(name), "{file}: {name} was not compared");
    }
    for (name, tensor) in traced.iter().filter(|(name, _)| golden.has(name)) {
        let what = format!("{file}: {name}");
        assert_eq!(tensor.shape, golden.shape(name), "{what}: shape");
        match &tensor.values {
            TraceValues::F32(values) => {
                assert_close(&what, values, &golden.f32(name), golden.entry.tolerance());
            }
            TraceValues::I32(values) => assert_eq!(values, &golden.i32(name), "{what}"),
            TraceValues::U8(values) => assert_levels(&what, values, &golden.u8(name), 1),
        }
    }
}

/// The same, insisting on everything that the reference computed.
pub fn assert_all_traced(golden: &Golden, traced: &[(String, TraceTensor)]) {
    let outputs = golden.entry.outputs();
    assert_traced(golden, traced, &outputs.iter().map(String::as_str).collect::<Vec<_>>());
}
