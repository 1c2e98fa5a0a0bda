//! Calls of every kernel on the shapes that the full model spends its time on, to be timed.

use atelier_weights::{BLOCK, Scheme};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::check::{Hard, Numbers};
use crate::{Draw, Gated, KeyValueCache, PackedRef, RowPrecision, Variant, Variants};

/// How large the shapes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Those of the full model.
    Full,
    /// The full model's matrices, with fewer rows, heads and pixels: for a CPU.
    FewRows,
    /// All about an eighth: for a GPU in software, which would need minutes for the full ones.
    Small,
}

impl Scale {
    /// Columns, rows of matrices, tokens.
    fn cut(self, full: usize) -> usize {
        if self == Self::Small { (full / 8).next_multiple_of(BLOCK) } else { full }
    }

    fn choose<T>(self, full: T, few: T, small: T) -> T {
        match self {
            Self::Full => full,
            Self::FewRows => few,
            Self::Small => small,
        }
    }

    /// Bytes that no cache of a device of this kind holds: matrices of one row are read in turn, so many of them.
    fn beyond_caches(self) -> usize {
        self.choose(256 << 20, 256 << 20, 8 << 20)
    }
}

/// A kernel on a shape.
pub struct Call {
    /// As [`crate::check`] calls it.
    pub kernel: &'static str,
    /// What of what.
    pub shape: String,
    /// Floating-point operations that it takes.
    pub operations: f64,
    /// Bytes that must be read and written at least.
    pub bytes: f64,
    /// Of the largest buffer.
    pub largest: usize,
    /// What makes a difference.
    variants: &'static [Variant],
    prepare: Box<dyn Fn(&Device) -> Launch>,
}

/// Runs a kernel once; what comes out is dropped.
pub type Launch = Box<dyn FnMut()>;

/// A product that is no kernel of ours, to hold ours against.
pub const DENSE: &str = "many rows times dense, burn's";

impl Call {
    /// Uploads random inputs.
    pub fn prepare(&self, device: &Device) -> Launch {
        (self.prepare)(device)
    }

    /// The ways in which a device that has some variants can run it: without any, with each that makes a difference alone, and
    /// with all of those.
    pub fn ways(&self, has: Variants) -> Vec<Variants> {
        let more: Vec<Variant> = self.variants.iter().copied().filter(|&variant| has.has(variant)).collect();
        let mut ways = vec![Variants::NONE];
        ways.extend(more.iter().map(|&variant| Variants::NONE.with(variant)));
        if more.len() > 1 {
            ways.push(more.into_iter().fold(Variants::NONE, Variants::with));
        }
        ways
    }
}

/// All calls; those of a kernel together.
pub fn calls(scale: Scale) -> Vec<Call> {
    [few_rows(scale), many_rows(scale), attentions(scale), rows_of_numbers(scale), pictures(scale)]
        .into_iter()
        .flatten()
        .collect()
}

/// `[out, columns]` of the architect's layers and of the painter's blocks.
const MATRICES: [[usize; 2]; 6] =
    [[4_096, 4_096], [4_608, 4_096], [16_384, 4_096], [27_392, 4_096], [4_096, 13_696], [4_096, 16_384]];
/// Of no matrix of ours, but of what ggml's own measurements multiply with; for comparison, on a CPU.
const OF_GGML: [usize; 2] = [4_096, 14_336];

fn matrices(scale: Scale) -> Vec<[usize; 2]> {
    let more: &[_] = if scale == Scale::FewRows { &[OF_GGML] } else { &[] };
    [&MATRICES, more].concat()
}

fn few_rows(scale: Scale) -> Vec<Call> {
    let mut calls = Vec::new();
    for precision in [RowPrecision::Exact, RowPrecision::Rounded] {
        let rounded = precision == RowPrecision::Rounded;
        // The painter's MLP never sees a single row.
        for [out, columns] in matrices(scale).into_iter().filter(|matrix| !matrix.contains(&16_384)) {
            for scheme in [Scheme::Q4, Scheme::Q8] {
                let [out, columns] = [scale.cut(out), scale.cut(columns)];
                let bytes = Weights::bytes([out, columns], scheme);
                calls.push(Call {
                    kernel: if rounded { "few rows times packed, rounded" } else { "few rows times packed" },
                    shape: format!("1×{columns} by {out}, {}", scheme.name()),
                    operations: 2.0 * (out * columns) as f64,
                    bytes: (bytes + 4 * (columns + out)) as f64,
                    largest: bytes,
                    variants: if rounded {
                        &[Variant::Subgroups, Variant::Dot]
                    } else {
                        &[Variant::Subgroups]
                    },
                    prepare: Box::new(move |device| {
                        let (x, bias) = (floats([1, columns], device), floats([out], device));
                        let copies = scale.beyond_caches().div_ceil(bytes).clamp(1, 64);
                        let all: Vec<Weights> =
                            (0..copies).map(|_| Weights::random([out, columns], scheme, device)).collect();
                        let mut turn = 0;
                        Box::new(move || {
                            turn = (turn + 1) % all.len();
                            let weights = all[turn].packed();
                            drop(crate::mul_mat(x.clone(), weights, bias.clone(), precision));
                        })
                    }),
                });
            }
        }
    }
    calls
}

fn many_rows(scale: Scale) -> Vec<Call> {
    let mut calls = Vec::new();
    for &rows in scale.choose(&[512, 2048, 4096][..], &[512], &[64]) {
        let compared = [[4_096; 2], OF_GGML];
        for [out, columns] in matrices(scale) {
            let schemes: &[Scheme] =
                if compared.contains(&[out, columns]) { &[Scheme::Q4, Scheme::Q8] } else { &[Scheme::Q4] };
            for &scheme in schemes {
                let [out, columns] = [scale.cut(out), scale.cut(columns)];
                let bytes = Weights::bytes([out, columns], scheme);
                calls.push(Call {
                    kernel: "many rows times packed",
                    shape: format!("{rows}×{columns} by {out}, {}", scheme.name()),
                    operations: 2.0 * (rows * out * columns) as f64,
                    bytes: (bytes + 4 * rows * (columns + out)) as f64,
                    largest: bytes.max(4 * rows * columns.max(out)),
                    variants: &[Variant::Matrices],
                    prepare: Box::new(move |device| {
                        let (x, bias) = (floats([rows, columns], device), floats([out], device));
                        let weights = Weights::random([out, columns], scheme, device);
                        Box::new(move || {
                            let (x, bias) = (x.clone(), bias.clone());
                            drop(crate::mul_mat(x, weights.packed(), bias, RowPrecision::Exact));
                        })
                    }),
                });
            }
        }
        for [out, columns] in matrices(scale).into_iter().filter(|matrix| compared.contains(matrix)) {
            let [out, columns] = [scale.cut(out), scale.cut(columns)];
            calls.push(Call {
                kernel: DENSE,
                shape: format!("{rows}×{columns} by {out}, f32"),
                operations: 2.0 * (rows * out * columns) as f64,
                bytes: (4 * (out * columns + rows * (columns + out))) as f64,
                largest: 4 * out.max(rows) * columns.max(out),
                variants: &[],
                prepare: Box::new(move |device| {
                    let (x, w) = (floats([rows, columns], device), floats([out, columns], device));
                    Box::new(move || drop(x.clone().matmul(w.clone().transpose())))
                }),
            });
        }
    }
    calls
}

/// The width of a head.
const HEAD: usize = 128;

fn attentions(scale: Scale) -> Vec<Call> {
    let mut calls = Vec::new();
    // Of 1024 and 2048 pixels; few heads of the larger, since no watchdog may find one dispatch too long.
    for (tokens, heads) in [(4_096, scale.choose(32, 4, 4)), (16_384, scale.choose(4, 1, 1))] {
        let tokens = scale.cut(tokens);
        let numbers = heads * tokens * HEAD;
        calls.push(Call {
            kernel: "attention",
            shape: format!("{tokens} tokens, {heads} heads of {HEAD}"),
            operations: 4.0 * (tokens * numbers) as f64,
            bytes: (4 * 4 * numbers) as f64,
            largest: 4 * numbers,
            variants: &[],
            prepare: Box::new(move |device| {
                let [q, k, v] = [(); 3].map(|()| floats([1, heads, tokens, HEAD], device));
                Box::new(move || drop(crate::attention(q.clone(), k.clone(), v.clone(), false)))
            }),
        });
    }
    let (context, heads, pairs) = (scale.cut(4_096), scale.choose(32, 32, 4), 2);
    for dtype in [DType::F32, DType::F16] {
        let half = dtype == DType::F16;
        let bytes = 2 * pairs * context * HEAD * if half { 2 } else { 4 };
        calls.push(Call {
            kernel: if half { "a cache of 16 bits" } else { "attention of few queries" },
            shape: format!("1 of {context} tokens, {heads} heads on {pairs}"),
            operations: 4.0 * (heads * context * HEAD) as f64,
            bytes: (bytes + 8 * heads * HEAD) as f64,
            largest: bytes / 2,
            variants: &[],
            prepare: Box::new(move |device| {
                let empty = KeyValueCache::empty([pairs, context, HEAD], dtype, device);
                let qkv = floats([1, context, (heads + 2 * pairs) * HEAD], device);
                let still = |value| Tensor::full([1, 1, context, 2], value, device);
                let (q, cache) = crate::rope_append(qkv, still(1.0), still(0.0), empty, 0);
                let q = q.narrow(2, context - 1, 1);
                Box::new(move || drop(crate::attention_over_cache(q.clone(), &cache, context)))
            }),
        });
    }
    calls
}

/// A call that waits for memory, not for arithmetic: so many f32 are read and written, in tensors of `largest` at most.
fn moving(
    kernel: &'static str,
    shape: String,
    [numbers, largest]: [usize; 2],
    variants: &'static [Variant],
    prepare: impl Fn(&Device) -> Launch + 'static,
) -> Call {
    Call {
        kernel,
        shape,
        operations: 0.0,
        bytes: 4.0 * numbers as f64,
        largest: 4 * largest,
        variants,
        prepare: Box::new(prepare),
    }
}

const EPS: f64 = 1e-5;

/// What each row of numbers is passed through.
fn rows_of_numbers(scale: Scale) -> Vec<Call> {
    const NORM: &[Variant] = &[Variant::Subgroups];
    let (width, heads) = (scale.cut(4_096), scale.choose(32, 32, 4));
    let tokens = scale.choose(4_096, 1_024, 256);
    let of_rows = |rows: usize| format!("{rows}×{width}");
    let mut calls = Vec::new();
    for rows in [1, tokens] {
        let numbers = rows * width;
        calls.push(moving("rms norm", of_rows(rows), [2 * numbers, numbers], NORM, move |device| {
            let (x, weight) = (floats([rows, width], device), floats([width], device));
            Box::new(move || drop(crate::rms_norm(x.clone(), weight.clone(), EPS)))
        }));
        calls.push(moving(
            "sum between two norms",
            of_rows(rows),
            [4 * numbers, numbers],
            NORM,
            move |device| {
                let [x, y] = [(); 2].map(|()| floats([rows, width], device));
                let [post, next] = [(); 2].map(|()| floats([width], device));
                Box::new(move || {
                    let [post, next] = [&post, &next].map(Tensor::clone);
                    drop(crate::residual_norm(x.clone(), y.clone(), post, next, [EPS; 2]));
                })
            },
        ));
    }
    let numbers = tokens * width;
    calls.push(moving(
        "layer norm with modulation",
        of_rows(tokens),
        [2 * numbers, numbers],
        NORM,
        move |device| {
            let x = floats([1, tokens, width], device);
            let [shift, scale] = [(); 2].map(|()| floats([1, 1, width], device));
            Box::new(move || drop(crate::ada_layer_norm(x.clone(), shift.clone(), scale.clone(), 0, EPS)))
        },
    ));
    calls.push(moving(
        "gated sum and layer norm",
        of_rows(tokens),
        [4 * numbers, numbers],
        NORM,
        move |device| {
            let [x, y] = [(); 2].map(|()| floats([1, tokens, width], device));
            let [gate, shift, scale] = [(); 3].map(|()| floats([1, 2, width], device));
            let around = Gated { gate, shift, scale, first: tokens / 8 };
            Box::new(move || drop(crate::gated_norm(x.clone(), y.clone(), around.clone(), EPS)))
        },
    ));
    let (shape, of_heads) = (format!("{heads} heads, {tokens}×{HEAD}"), heads * tokens * HEAD);
    calls.push(moving("norm and rotation of heads", shape, [2 * of_heads, of_heads], NORM, move |device| {
        let x = floats([1, heads, tokens, HEAD], device);
        let [cos, sin] = [(); 2].map(|()| floats([1, 1, tokens, HEAD], device));
        Box::new(move || drop(crate::norm_rope(x.clone(), cos.clone(), sin.clone(), 0, Some(EPS))))
    }));
    calls.push(moving("to 16 bits and back", of_rows(tokens), [3 * numbers, numbers], &[], move |device| {
        let x = floats([tokens, width], device);
        Box::new(move || drop(crate::to_f32(crate::to_f16(x.clone()))))
    }));
    // The painter's MLP takes so many rows at a time.
    let (rows, inner) = (tokens / 2, scale.cut(16_384));
    let numbers = rows * inner;
    calls.push(moving("GELU", format!("{rows}×{inner}"), [2 * numbers, numbers], &[], move |device| {
        let x = floats([rows, inner], device);
        Box::new(move || drop(crate::gelu_tanh(x.clone())))
    }));
    let gated = scale.cut(13_696);
    for rows in [1, tokens / 8] {
        let (shape, numbers) = (format!("{rows}×{gated}"), rows * gated);
        calls.push(moving("gated SiLU", shape, [3 * numbers, 2 * numbers], &[], move |device| {
            let x = floats([rows, 2 * gated], device);
            Box::new(move || drop(crate::swiglu(x.clone())))
        }));
    }
    let ids = tokens / 8;
    let shape = format!("{ids} of {tokens}×{width}, q8");
    // What is read takes a quarter of what is written.
    let numbers = [ids * width * 5 / 4, tokens * width / 4];
    calls.push(moving("rows of a packed table", shape, numbers, &[], move |device| {
        let table = Weights::random([tokens, width], Scheme::Q8, device);
        let ids: Vec<i32> = (0..ids).map(|place| (place * 7 % tokens) as i32).collect();
        let ids = Tensor::<1, Int>::from_data(ids.as_slice(), device);
        Box::new(move || drop(crate::embedding(table.packed(), ids.clone(), 0)))
    }));
    // The architect's own vocabulary of codes.
    let vocabulary = scale.cut(16_512);
    calls.push(moving("draw of a token", format!("of {vocabulary}"), [vocabulary; 2], &[], move |device| {
        let logits = floats([vocabulary], device);
        let draw = Draw { allowed: vocabulary, temperature: 0.9, top_p: 0.75, top_k: Some(50), uniform: 0.4 };
        Box::new(move || drop(crate::sample_top_p(logits.clone(), draw)))
    }));
    calls
}

/// The decoder's feature maps.
fn pictures(scale: Scale) -> Vec<Call> {
    let (channels, side) = (scale.choose(512, 512, 64), scale.choose(256, 64, 64));
    let mut calls = Vec::new();
    for doubled in [false, true] {
        let of_output = if doubled { side / 2 } else { side };
        let numbers = channels * side * side;
        let read = channels * of_output * of_output;
        let how = if doubled { ", doubled" } else { "" };
        calls.push(Call {
            kernel: "convolution",
            shape: format!("{channels} channels, {side}×{side}{how}"),
            operations: 18.0 * (channels * numbers) as f64,
            bytes: 4.0 * (numbers + read + 9 * channels * channels) as f64,
            largest: 4 * numbers.max(9 * channels * channels),
            variants: &[],
            prepare: Box::new(move |device| {
                let x = floats([1, channels, of_output, of_output], device);
                let (weight, bias) = (floats([channels, channels, 3, 3], device), floats([channels], device));
                Box::new(move || {
                    drop(crate::conv2d_3x3(x.clone(), weight.clone(), bias.clone(), doubled));
                })
            }),
        });
    }
    let numbers = channels * side * side;
    let shape = format!("{channels} channels, {side}×{side}");
    calls.push(moving(
        "group norm and SiLU",
        shape.clone(),
        [2 * numbers, numbers],
        &[Variant::Subgroups],
        move |device| {
            let x = floats([1, channels, side, side], device);
            let [weight, bias] = [(); 2].map(|()| floats([channels], device));
            Box::new(move || {
                drop(crate::group_norm_silu(x.clone(), weight.clone(), bias.clone(), 32, EPS));
            })
        },
    ));
    calls.push(moving(
        "group norm and SiLU of bands",
        format!("{shape} in two bands"),
        [2 * numbers, numbers],
        &[Variant::Subgroups],
        move |device| {
            let bands = [(); 2].map(|()| floats([1, channels, side / 2, side], device));
            let [weight, bias] = [(); 2].map(|()| floats([channels], device));
            Box::new(move || {
                let moments = bands.clone().map(|band| crate::group_moments(band, 32)).to_vec();
                let moments = crate::merge_moments(Tensor::cat(moments, 2), EPS);
                for band in bands.clone() {
                    drop(crate::normalise_silu(band, moments.clone(), weight.clone(), bias.clone()));
                }
            })
        },
    ));
    calls
}

/// How many numbers are drawn; longer tensors repeat them. It is prime, so that rows differ.
const DRAWN: usize = 65_537;

/// So many numbers, about normal.
pub fn numbers(count: usize) -> Vec<f32> {
    Numbers(17).matrix(Hard::Tame, [1, DRAWN]).into_iter().cycle().take(count).collect()
}

/// The same on a device.
pub fn floats<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers(shape.iter().product()), shape), device)
}

/// Any words, of which `mask` says what bits to keep and `set` what bits to set.
pub fn words(shape: [usize; 2], mask: u32, set: u32, device: &Device) -> Tensor<2, Int> {
    let mut numbers = Numbers(19);
    let drawn: Vec<i32> = (0..DRAWN).map(|_| (numbers.word() & mask | set).cast_signed()).collect();
    let values: Vec<i32> = drawn.into_iter().cycle().take(shape.iter().product()).collect();
    Tensor::from_data(TensorData::new(values, shape), (device, DType::I32))
}

/// A random packed matrix.
struct Weights {
    codes: Tensor<2, Int>,
    scales: Tensor<2, Int>,
    scheme: Scheme,
}

impl Weights {
    /// `[out, columns]`, in four or eight bits.
    fn random([out, columns]: [usize; 2], scheme: Scheme, device: &Device) -> Self {
        let codes = words([out, columns / scheme.codes_per_word()], u32::MAX, 0, device);
        // Halves from 2⁻⁷ to 2⁻⁵.
        let scales = words([out, (columns / BLOCK).div_ceil(2)], 0x07ff_07ff, 0x2000_2000, device);
        Self { codes, scales, scheme }
    }

    fn packed(&self) -> PackedRef<'_> {
        PackedRef { codes: &self.codes, scales: &self.scales, scheme: self.scheme }
    }

    /// Bytes of codes and scales.
    fn bytes([out, columns]: [usize; 2], scheme: Scheme) -> usize {
        4 * out * (columns / scheme.codes_per_word() + (columns / BLOCK).div_ceil(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_a_kernel_is_timed_once() {
        let names = |kernel: &str, has: Variants| -> Vec<Vec<&str>> {
            let all = calls(Scale::Small);
            let call = all.iter().find(|call| call.kernel == kernel).unwrap();
            call.ways(has).into_iter().map(|way| way.iter().map(Variant::name).collect()).collect()
        };
        let none: Vec<&str> = Vec::new();
        assert_eq!(names("few rows times packed", Variants::ALL), [none.clone(), vec!["subgroups"]]);
        assert_eq!(
            names("few rows times packed, rounded", Variants::ALL),
            [none.clone(), vec!["subgroups"], vec!["dot"], vec!["subgroups", "dot"]]
        );
        assert_eq!(names("many rows times packed", Variants::ALL), [none.clone(), vec!["matrices"]]);
        assert_eq!(names("attention", Variants::ALL), [none]);
    }

    #[test]
    fn full_shapes_are_those_of_the_model() {
        let all = calls(Scale::Full);
        for (kernel, shape) in [
            ("few rows times packed", "1×13696 by 4096, q4"),
            ("many rows times packed", "4096×4096 by 27392, q4"),
            ("attention", "4096 tokens, 32 heads of 128"),
            ("attention", "16384 tokens, 4 heads of 128"),
            ("draw of a token", "of 16512"),
        ] {
            assert!(all.iter().any(|call| call.kernel == kernel && call.shape == shape), "{shape}");
        }
        // These have a side that not every device can bind.
        let wide = all.iter().filter(|call| call.largest > 128 << 20);
        let wide: Vec<_> = wide.map(|call| call.shape.as_str()).collect();
        assert_eq!(
            wide,
            [
                "2048×4096 by 27392, q4",
                "4096×4096 by 16384, q4",
                "4096×4096 by 27392, q4",
                "4096×13696 by 4096, q4",
                "4096×16384 by 4096, q4"
            ]
        );
    }
}
