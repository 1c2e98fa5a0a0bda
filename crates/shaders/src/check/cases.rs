//! What is tried: inputs, and what must come out with what it may be off.

use atelier_weights::{BLOCK, Packed, Scheme, Search};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::exact;
use super::numbers::{Hard, Numbers};
use crate::{Draw, Gated, KeyValueCache, PackedRef, RowPrecision, Variant};

/// One call of a kernel.
pub struct Case {
    pub kernel: &'static str,
    /// What its numbers are like.
    pub what: String,
    /// The call; what comes out, flat.
    pub run: Box<dyn Fn(&Device) -> Tensor<1>>,
    /// Each number and what it may be off; NaN where something must come out that is not finite.
    pub expected: Vec<(f64, f64)>,
}

/// A finite number is off by this much of all that was added up to it, where all is f32.
const SUMS: f64 = 4e-6;

/// Those that a variant makes a difference to; without one, all.
pub fn of(variant: Option<Variant>) -> Vec<Case> {
    let mut cases = unsorted(variant);
    // Those of a kernel together.
    let mut kernels: Vec<&str> = Vec::new();
    for case in &cases {
        if !kernels.contains(&case.kernel) {
            kernels.push(case.kernel);
        }
    }
    cases.sort_by_key(|case| kernels.iter().position(|kernel| *kernel == case.kernel));
    cases
}

fn unsorted(variant: Option<Variant>) -> Vec<Case> {
    match variant {
        None => [
            products(3, RowPrecision::Exact, |_| SUMS),
            products(3, RowPrecision::Rounded, of_rounded),
            products(40, RowPrecision::Exact, |_| SUMS),
            small_halves().into(),
            attentions(),
            caches(),
            norms(),
            activations(),
            convolutions(),
            draws(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Some(Variant::Subgroups) => {
            [products(3, RowPrecision::Exact, |_| SUMS), norms()].into_iter().flatten().collect()
        }
        Some(Variant::Dot) => products(3, RowPrecision::Rounded, of_rounded),
        // Each of both is off by 2⁻¹¹ of itself at most.
        Some(Variant::Matrices) => products(40, RowPrecision::Exact, |_| 1.1 / 1024.0),
    }
}

/// What rounding costs is added for each block; rows times anything but blocks of codes are never rounded.
fn of_rounded(scheme: Scheme) -> f64 {
    if scheme.is_quantized() { SUMS } else { f64::NAN }
}

fn flat<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    x.reshape([-1])
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// A packed matrix as kernels get it.
struct Words {
    packed: Packed,
    scheme: Scheme,
    rows: usize,
}

impl Words {
    fn with<T>(&self, device: &Device, f: impl FnOnce(PackedRef<'_>) -> T) -> T {
        let words = |words: &[u32]| {
            let words: Vec<i32> = words.iter().map(|word| word.cast_signed()).collect();
            // Without scales a kernel still wants a buffer.
            let words = if words.is_empty() { vec![0; self.rows] } else { words };
            let columns = words.len() / self.rows;
            Tensor::<2, Int>::from_data(TensorData::new(words, [self.rows, columns]), (device, DType::I32))
        };
        let (codes, scales) = (words(&self.packed.codes), words(&self.packed.scales));
        f(PackedRef { codes: &codes, scales: &scales, scheme: self.scheme })
    }
}

/// Products of every scheme and all kinds of numbers, and of as many columns as the models have at most.
fn products(rows: usize, precision: RowPrecision, of_sums: impl Fn(Scheme) -> f64) -> Vec<Case> {
    let few = rows <= 8;
    let kernel = match (few, precision) {
        (true, RowPrecision::Rounded) => "few rows times packed, rounded",
        (true, RowPrecision::Exact) => "few rows times packed",
        _ => "many rows times packed",
    };
    let mut cases = Vec::new();
    for &scheme in Scheme::ALL.iter().filter(|&&scheme| scheme != Scheme::F32) {
        let of_sums = of_sums(scheme);
        if of_sums.is_nan() {
            continue;
        }
        for (seed, &hard) in Hard::ALL.iter().enumerate() {
            let columns = if scheme == Scheme::Q4 && hard == Hard::Tame { 13_696 } else { 352 };
            let mut numbers = Numbers(seed as u64 + 1);
            let out = 70;
            let x = numbers.matrix(hard, [rows, columns]);
            // Weights that undo what is large about the numbers, as those of real models do; rows of some magnitudes.
            let of_rows = if scheme == Scheme::Bf16 { hard } else { Hard::Tame };
            let mut weights =
                numbers.matrix(if of_rows == Hard::Rows { Hard::Rows } else { Hard::Tame }, [out, columns]);
            for (place, weight) in weights.iter_mut().enumerate() {
                let far = hard == Hard::Outliers && place % columns % 97 == 31;
                *weight *= if far { 1.0 / 131_072.0 } else { 0.05 };
            }
            let bias = numbers.matrix(Hard::Tame, [1, out]);
            let what = format!("{}, {}, {rows}x{columns}", scheme.name(), hard.name());
            let call = Product { kernel, what, rows, columns, scheme, precision, of_sums };
            cases.push(call.case(x, &weights, bias));
        }
        // What is not finite spoils its row, and no other.
        let mut numbers = Numbers(9);
        let (columns, out) = (64, 5);
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = numbers.matrix(Hard::Tame, [rows, columns]);
            x[columns + 7] = bad;
            let weights = numbers.matrix(Hard::Tame, [out, columns]);
            let what = format!("{}, {bad} in a row", scheme.name());
            let call = Product { kernel, what, rows, columns, scheme, precision, of_sums };
            cases.push(call.case(x, &weights, vec![0.0; out]));
        }
    }
    cases
}

/// A product to be tried.
struct Product {
    kernel: &'static str,
    what: String,
    rows: usize,
    columns: usize,
    scheme: Scheme,
    precision: RowPrecision,
    of_sums: f64,
}

impl Product {
    fn case(self, x: Vec<f32>, weights: &[f32], bias: Vec<f32>) -> Case {
        let Self { kernel, what, rows, columns, scheme, precision, of_sums } = self;
        let out = bias.len();
        let packed = scheme.pack(Search::Nearest, columns, weights, &[]);
        let weights = scheme.unpack(columns, &packed);
        let rounded = precision == RowPrecision::Rounded;
        let expected = exact::product(&x, &weights, &bias, columns).into_iter().enumerate().map(
            |(place, (value, magnitude))| {
                let (row, column) = (place / out, place % out);
                let x = &x[row * columns..][..columns];
                if x.iter().any(|x| !x.is_finite()) {
                    return (f64::NAN, 0.0);
                }
                let weights = &weights[column * columns..][..columns];
                let steps = x.chunks(BLOCK).zip(weights.chunks(BLOCK)).map(|(x, weights)| {
                    let peak = x.iter().fold(0.0_f64, |peak, &x| peak.max(f64::from(x).abs()));
                    // Half a step each, and what rounding the step itself costs.
                    peak / 253.0 * weights.iter().map(|&w| f64::from(w).abs()).sum::<f64>()
                });
                let of_rounding = if rounded { steps.sum() } else { 0.0 };
                (value, of_sums * magnitude + of_rounding + f64::from(f32::MIN_POSITIVE))
            },
        );
        let expected = expected.collect();
        let words = Words { packed, scheme, rows: out };
        let run = move |device: &Device| {
            let (x, bias) = (tensor(&x, [rows, columns], device), tensor(&bias, [out], device));
            flat(words.with(device, |weights| crate::mul_mat(x, weights, bias, precision)))
        };
        Case { kernel, what, run: Box::new(run), expected }
    }
}

/// Numbers that are no normal f16, as scales and as weights: a device that takes them for zero loses whole blocks.
fn small_halves() -> [Case; 2] {
    let halves = [0x0001_u32, 0x0010, 0x03ff, 0x0400, 0x2e66, 0x8001, 0x83ff, 0xae66, 0x0000, 0x8000];
    let codes: Vec<u32> =
        (0..halves.len() as u32 * 8).map(|word| word.wrapping_mul(0x9e37_79b9) | 0x0101_0101).collect();
    let words: Vec<u32> = halves.chunks(2).map(|pair| pair[0] | pair[1] << 16).collect();
    // A block has one kind of numbers, another one all kinds.
    let weights =
        halves.iter().flat_map(|half| [half | half << 16; 16]).chain(words.iter().copied().cycle().take(16));
    let scales = Packed { codes, scales: words.clone() };
    let weights = Packed { codes: weights.collect(), scales: Vec::new() };
    [
        small_row(Scheme::Q8, BLOCK * halves.len(), scales, "q8, subnormal scales"),
        small_row(Scheme::F16, BLOCK * (halves.len() + 1), weights, "f16, subnormal weights"),
    ]
}

fn small_row(scheme: Scheme, columns: usize, packed: Packed, what: &str) -> Case {
    let expected = scheme.unpack(columns, &packed);
    let expected = expected.iter().map(|&x| (f64::from(x), 1e-6 * f64::from(x).abs())).collect();
    let words = Words { packed, scheme, rows: 1 };
    let run = move |device: &Device| {
        let ids = Tensor::<1, Int>::from_data([0], device);
        flat(words.with(device, |table| crate::embedding(table, ids, 0)))
    };
    Case { kernel: "rows of a packed table", what: what.into(), run: Box::new(run), expected }
}

/// Attention of many queries and of one over a long context; scores of ±10⁴, equal scores, large values, a NaN.
fn attentions() -> Vec<Case> {
    let width = 64;
    let mut cases = Vec::new();
    for (seq, context, causal, kernel) in
        [(70, 90, true, "attention"), (1, 500, false, "attention of few queries")]
    {
        for what in ["tame numbers", "scores of 10⁴", "equal scores", "large values", "a NaN among the keys"]
        {
            let mut numbers = Numbers(3);
            let mut q = numbers.matrix(Hard::Tame, [seq, width]);
            let mut k = numbers.matrix(Hard::Tame, [context, width]);
            let mut v = numbers.matrix(Hard::Tame, [context, width]);
            match what {
                "scores of 10⁴" => q.iter_mut().chain(&mut k).for_each(|x| *x *= 60.0),
                "equal scores" => k.iter_mut().for_each(|x| *x = 1.0),
                "large values" => v.iter_mut().for_each(|x| *x *= 1e7),
                "a NaN among the keys" => k[3] = f32::NAN,
                _ => {}
            }
            let largest = v.iter().fold(0.0_f64, |most, &v| most.max(f64::from(v).abs()));
            // An f32 score of 10⁴ is off by about 10⁻³, and its weight as much.
            let allowed = if what == "scores of 10⁴" { 2e-2 } else { 4e-6 } * largest;
            let values = exact::attention(&q, &k, &v, width, causal);
            let expected = values.into_iter().map(|value| (value, allowed)).collect();
            let run = move |device: &Device| {
                let heads = |x: &[f32], tokens| tensor(x, [1, 1, tokens, width], device);
                flat(crate::attention(heads(&q, seq), heads(&k, context), heads(&v, context), causal))
            };
            cases.push(Case { kernel, what: what.into(), run: Box::new(run), expected });
        }
    }
    cases
}

/// A cache of 16 bits whose keys have one large channel and whose values are larger than f16.
fn caches() -> Vec<Case> {
    let (width, context) = (64, 200);
    let mut numbers = Numbers(5);
    let mut cases = Vec::new();
    for what in ["a large channel of keys, large values", "a NaN among the values"] {
        let mut k = numbers.matrix(Hard::Tame, [context, width]);
        k.iter_mut().step_by(width).for_each(|x| *x += 300.0);
        let q = numbers.matrix(Hard::Tame, [context, width]);
        let mut v: Vec<f32> = numbers.matrix(Hard::Tame, [context, width]).iter().map(|x| x * 1e6).collect();
        if what == "a NaN among the values" {
            v[0] = f32::NAN;
        }
        let last = &q[(context - 1) * width..];
        // A key of 300 is off by an eighth, hence a score by that times its query over eight.
        let values = exact::attention(last, &k, &v, width, true).into_iter().map(|x| (x, 3e4));
        // One row, one scale: a NaN spoils every channel of its token.
        let expected = values.map(|of| if what.contains("NaN") { (f64::NAN, 0.0) } else { of }).collect();
        let run = move |device: &Device| {
            let qkv: Vec<f32> = [&q, &k, &v]
                .map(|x| x.chunks(width))
                .into_iter()
                .fold(vec![Vec::new(); context], |mut rows, part| {
                    rows.iter_mut().zip(part).for_each(|(row, part)| row.extend_from_slice(part));
                    rows
                })
                .concat();
            let still = |value| Tensor::full([1, 1, context, 2], value, device);
            let cache = KeyValueCache::empty([1, context + 3, width], DType::F16, device);
            let qkv = tensor(&qkv, [1, context, 3 * width], device);
            let (queries, cache) = crate::rope_append(qkv, still(1.0), still(0.0), cache, 0);
            let last = queries.narrow(2, context - 1, 1);
            flat(crate::attention_over_cache(last, &cache, context))
        };
        cases.push(Case { kernel: "a cache of 16 bits", what: what.into(), run: Box::new(run), expected });
    }
    for &hard in Hard::ALL {
        let (rows, width) = (9, 194);
        let x = numbers.matrix(hard, [rows, width]);
        let peak = |row: &[f32]| row.iter().fold(0.0_f64, |peak, &x| peak.max(f64::from(x).abs()));
        let of_row = |row: &[f32]| {
            let least = peak(row) / 2.0_f64.powi(28);
            row.iter().map(|&x| (f64::from(x), (f64::from(x).abs() / 2040.0).max(least))).collect::<Vec<_>>()
        };
        let expected = x.chunks(width).flat_map(of_row).collect();
        let run =
            move |device: &Device| flat(crate::to_f32(crate::to_f16(tensor(&x, [rows, width], device))));
        cases.push(Case {
            kernel: "to 16 bits and back",
            what: hard.name().into(),
            run: Box::new(run),
            expected,
        });
    }
    cases
}

/// Every norm, on all kinds of numbers; squares that overflow must be seen.
fn norms() -> Vec<Case> {
    const EPS: f64 = 1e-5;
    let (rows, width) = (5, 300);
    let mut cases = Vec::new();
    let inputs = Hard::ALL.iter().map(|&hard| (hard.name(), Numbers(7).matrix(hard, [rows, width])));
    let overflow = ("squares that overflow", [1e30_f32, -1e30, 3.0, 1.0].repeat(rows * width / 4));
    for (what, x) in inputs.chain([overflow]) {
        let mut numbers = Numbers(8);
        let [weight, shift] = [(); 2].map(|()| numbers.matrix(Hard::Tame, [1, width]));
        let too_large = what.contains("overflow");
        // A mean of 1,000 takes three digits from what is left.
        let part = if what == Hard::Shifted.name() { 2e-4 } else { 4e-6 };
        let may = |value: f64| (if too_large { f64::NAN } else { value }, part * (1.0 + value.abs()));
        let each = |of_row: &dyn Fn(&[f32]) -> Vec<f64>| -> Vec<(f64, f64)> {
            x.chunks(width).flat_map(|row| of_row(row).into_iter().map(may)).collect()
        };
        let weighted = |row: Vec<f64>, weight: &[f32]| -> Vec<f64> {
            row.into_iter().zip(weight).map(|(x, &w)| x * f64::from(w)).collect()
        };
        let rms = |row: &[f32]| exact::rms_normalised(row.iter().map(|&x| f64::from(x)), EPS);
        let mut push = |kernel, expected, run: Box<dyn Fn(&Device) -> Tensor<1>>| {
            cases.push(Case { kernel, what: what.to_owned(), run, expected });
        };

        let expected = each(&|row| weighted(rms(row), &weight));
        let (x_of, w) = (x.clone(), weight.clone());
        push(
            "rms norm",
            expected,
            Box::new(move |device| {
                flat(crate::rms_norm(tensor(&x_of, [rows, width], device), tensor(&w, [width], device), EPS))
            }),
        );

        let expected = each(&|row| {
            let normal = exact::standardised(row.iter().map(|&x| f64::from(x)), EPS);
            let pairs = normal.into_iter().zip(weight.iter().zip(&shift));
            pairs.map(|(x, (&scale, &shift))| x * (1.0 + f64::from(scale)) + f64::from(shift)).collect()
        });
        let (x_of, s, t) = (x.clone(), weight.clone(), shift.clone());
        push(
            "layer norm with modulation",
            expected,
            Box::new(move |device| {
                let of_picture = |values: &[f32]| tensor(values, [1, 1, width], device);
                let x = tensor(&x_of, [1, rows, width], device);
                flat(crate::ada_layer_norm(x, of_picture(&t), of_picture(&s), 0, EPS))
            }),
        );

        let expected = each(&|row| {
            let sum = row.iter().map(|&y| 2.0 * f64::from(y));
            let normal = exact::standardised(sum, EPS);
            let pairs = normal.into_iter().zip(weight.iter().zip(&shift));
            pairs.map(|(x, (&scale, &shift))| x * (1.0 + f64::from(scale)) + f64::from(shift)).collect()
        });
        let (y, s, t) = (x.clone(), weight.clone(), shift.clone());
        push(
            "gated sum and layer norm",
            expected,
            Box::new(move |device| {
                let of_picture = |values: &[f32]| tensor(values, [1, 1, width], device);
                // Of its own: no device binds one buffer as two that a kernel may write to.
                let [x, y] = [(); 2].map(|()| tensor(&y, [1, rows, width], device));
                let gate = Tensor::full([1, 1, width], 1.0, device);
                let around = Gated { gate, shift: of_picture(&t), scale: of_picture(&s), first: 0 };
                flat(crate::gated_norm(x, y, around, EPS).1)
            }),
        );

        // The sum is as exact as what is added; the norm after it is the second output.
        let expected = each(&|row| {
            let sum: Vec<f64> = weighted(rms(row), &weight).iter().map(|x| x + 1.0).collect();
            weighted(exact::rms_normalised(sum.into_iter(), EPS), &shift)
        });
        let (y, w, t) = (x.clone(), weight.clone(), shift.clone());
        push(
            "sum between two norms",
            expected,
            Box::new(move |device| {
                let (y, ones) = (tensor(&y, [rows, width], device), Tensor::ones([rows, width], device));
                let (post, next) = (tensor(&w, [width], device), tensor(&t, [width], device));
                flat(crate::residual_norm(ones, y, post, next, [EPS; 2]).1)
            }),
        );

        let expected = each(&|row| exact::standardised(row.iter().map(|&x| f64::from(x)), EPS));
        let x_of = x.clone();
        push(
            "norm and rotation of heads",
            expected,
            Box::new(move |device| {
                let heads = tensor(&x_of, [1, 1, rows, width], device);
                let still = |value| Tensor::full([1, 1, rows, 2], value, device);
                flat(crate::norm_rope(heads, still(1.0), still(0.0), 0, Some(EPS)))
            }),
        );

        let expected = each(&|row| {
            exact::standardised(row.iter().map(|&x| f64::from(x)), EPS).into_iter().map(exact::silu).collect()
        });
        let x_of = x.clone();
        push(
            "group norm and SiLU",
            expected,
            Box::new(move |device| {
                let x = tensor(&x_of, [1, rows, 15, width / 15], device);
                let (weight, bias) = (Tensor::ones([rows], device), Tensor::zeros([rows], device));
                flat(crate::group_norm_silu(x, weight, bias, rows, EPS))
            }),
        );

        let expected = each(&|row| {
            exact::standardised(row.iter().map(|&x| f64::from(x)), EPS).into_iter().map(exact::silu).collect()
        });
        let x_of = x.clone();
        push(
            "group norm and SiLU of bands",
            expected,
            Box::new(move |device| {
                let x = tensor(&x_of, [1, rows, 15, width / 15], device);
                let (weight, bias) = (Tensor::ones([rows], device), Tensor::zeros([rows], device));
                let bands = [(0, 4), (4, 11)].map(|(from, count)| x.clone().narrow(2, from, count));
                let parts = bands.clone().map(|band| crate::group_moments(band, rows)).to_vec();
                let moments = crate::merge_moments(Tensor::cat(parts, 2), EPS);
                let normed = bands
                    .map(|band| crate::normalise_silu(band, moments.clone(), weight.clone(), bias.clone()));
                flat(Tensor::cat(normed.to_vec(), 2))
            }),
        );
    }
    cases
}

/// From nothing to numbers that overflow when they are cubed.
fn activations() -> Vec<Case> {
    let x: Vec<f32> = [0.0, 1e-20, 1e-3, 0.5, 1.0, 3.0, 9.0, 1e2, 1e4, 1e20]
        .into_iter()
        .flat_map(|x: f32| [x, -x])
        .chain([f32::NAN, 1.0])
        .collect();
    let count = x.len();
    let may = |value: f64| (value, 2e-6 + 2e-5 * value.abs());
    let gelu = x.iter().map(|&x| may(exact::gelu_tanh(f64::from(x)))).collect();
    let gates = x.clone();
    let gated = x.iter().map(|&x| may(2.0 * exact::silu(f64::from(x)))).collect();
    let run_gelu = move |device: &Device| crate::gelu_tanh(tensor(&x, [count], device));
    let run_gated = move |device: &Device| {
        let up = Tensor::full([1, count], 2.0, device);
        flat(crate::swiglu(Tensor::cat(vec![tensor(&gates, [1, count], device), up], 1)))
    };
    let what = || "from 0 to ±10²⁰, NaN".to_owned();
    vec![
        Case { kernel: "GELU", what: what(), run: Box::new(run_gelu), expected: gelu },
        Case { kernel: "gated SiLU", what: what(), run: Box::new(run_gated), expected: gated },
    ]
}

fn convolutions() -> Vec<Case> {
    let [inputs, outputs, height, width] = [7, 35, 19, 18];
    let case = |hard: Hard| {
        let mut numbers = Numbers(11);
        let x = numbers.matrix(hard, [inputs * height, width]);
        let weight = numbers.matrix(Hard::Tame, [outputs * inputs, 9]);
        let bias = numbers.matrix(Hard::Tame, [1, outputs]);
        let expected = exact::conv2d_3x3(&x, &weight, &bias, [inputs, height, width]);
        let expected = expected.into_iter().map(|(value, magnitude)| (value, SUMS * magnitude)).collect();
        let run = move |device: &Device| {
            let x = tensor(&x, [1, inputs, height, width], device);
            let weight = tensor(&weight, [outputs, inputs, 3, 3], device);
            flat(crate::conv2d_3x3(x, weight, tensor(&bias, [outputs], device), false))
        };
        Case { kernel: "convolution", what: hard.name().into(), run: Box::new(run), expected }
    };
    Hard::ALL.iter().map(|&hard| case(hard)).collect()
}

/// Tokens that there is no doubt about, and none at all where a logit is NaN.
fn draws() -> Vec<Case> {
    let vocabulary = 700;
    let mut logits = vec![-20.0_f32; vocabulary];
    // Of these, weights 4 : 2 : 1 in the order of ids 50, 300, 699.
    for (id, weight) in [(50, 4.0_f32), (300, 2.0), (699, 1.0)] {
        logits[id] = 1e4 + weight.ln();
    }
    let mut broken = logits.clone();
    broken[5] = f32::NAN;
    let draw = |what: &str, logits: &[f32], uniform, temperature, top_k, top_p, expected: usize| {
        let logits = logits.to_vec();
        let draw = Draw { allowed: vocabulary, temperature, top_p, top_k, uniform };
        let run =
            move |device: &Device| crate::sample_top_p(tensor(&logits, [vocabulary], device), draw).float();
        let expected = vec![(expected as f64, 0.1)];
        Case { kernel: "draw of a token", what: what.to_owned(), run: Box::new(run), expected }
    };
    vec![
        draw("the first of three", &logits, 0.5, 1.0, None, 1.0, 50),
        draw("the second of three", &logits, 0.8, 1.0, None, 1.0, 300),
        draw("the third of three", &logits, 0.95, 1.0, None, 1.0, 699),
        draw("top-k of 2", &logits, 0.95, 1.0, Some(2), 1.0, 300),
        draw("top-p of 0.6", &logits, 0.95, 1.0, None, 0.5, 50),
        draw("the largest", &logits, 0.95, 0.0, None, 1.0, 50),
        draw("a NaN", &broken, 0.5, 1.0, Some(50), 0.9, vocabulary),
    ]
}
