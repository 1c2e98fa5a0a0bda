//! The operations once more in f64, one number after another: what all others are held against.

/// `x·Wᵀ + bias` for `x` `[rows, columns]` and `W` `[out, columns]`, and the sum of the magnitudes that are added up.
pub fn product(x: &[f32], w: &[f32], bias: &[f32], columns: usize) -> Vec<(f64, f64)> {
    let rows = x.chunks_exact(columns);
    rows.flat_map(|x| {
        w.chunks_exact(columns).zip(bias).map(move |(w, &bias)| {
            let products = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w));
            products.fold((f64::from(bias), f64::from(bias).abs()), |(sum, magnitude), product| {
                (sum + product, magnitude + product.abs())
            })
        })
    })
    .collect()
}

/// Attention of one head: `q` `[seq, width]`, `k` and `v` `[context, width]`.
pub fn attention(q: &[f32], k: &[f32], v: &[f32], width: usize, causal: bool) -> Vec<f64> {
    let (seq, context) = (q.len() / width, k.len() / width);
    let mut output = Vec::with_capacity(q.len());
    for (row, q) in q.chunks_exact(width).enumerate() {
        let seen = if causal { context - seq + row + 1 } else { context };
        let score = |k: &[f32]| {
            q.iter().zip(k).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum::<f64>() / (width as f64).sqrt()
        };
        let scores: Vec<f64> = k.chunks_exact(width).take(seen).map(score).collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
        let total: f64 = weights.iter().sum();
        output.extend((0..width).map(|channel| {
            let values = v.iter().skip(channel).step_by(width);
            weights.iter().zip(values).map(|(weight, &v)| weight * f64::from(v)).sum::<f64>() / total
        }));
    }
    output
}

/// A row less its mean, over the root of its variance.
pub fn standardised(row: impl Iterator<Item = f64> + Clone, eps: f64) -> Vec<f64> {
    let count = row.clone().count() as f64;
    let mean = row.clone().sum::<f64>() / count;
    let variance = row.clone().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    row.map(|x| (x - mean) / (variance + eps).sqrt()).collect()
}

/// A row over the root of its mean square.
pub fn rms_normalised(row: impl Iterator<Item = f64> + Clone, eps: f64) -> Vec<f64> {
    let count = row.clone().count() as f64;
    let square = row.clone().map(|x| x * x).sum::<f64>() / count;
    row.map(|x| x / (square + eps).sqrt()).collect()
}

pub fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

/// GELU by the hyperbolic tangent.
pub fn gelu_tanh(x: f64) -> f64 {
    0.5 * x * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044_715 * x * x * x)).tanh())
}

/// A convolution of 3×3 with zeros around: `x` `[inputs, height, width]`, weight `[outputs, inputs, 3, 3]`.
pub fn conv2d_3x3(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    [inputs, height, width]: [usize; 3],
) -> Vec<(f64, f64)> {
    let mut output = Vec::new();
    for (weight, &bias) in weight.chunks_exact(9 * inputs).zip(bias) {
        for y in 0..height {
            for column in 0..width {
                let (mut sum, mut magnitude) = (f64::from(bias), f64::from(bias).abs());
                for (place, &w) in weight.iter().enumerate() {
                    let (input, dy, dx) = (place / 9, place / 3 % 3, place % 3);
                    let (Some(y), Some(column)) = ((y + dy).checked_sub(1), (column + dx).checked_sub(1))
                    else {
                        continue;
                    };
                    if y < height && column < width {
                        let product = f64::from(w) * f64::from(x[(input * height + y) * width + column]);
                        sum += product;
                        magnitude += product.abs();
                    }
                }
                output.push((sum, magnitude));
            }
        }
    }
    output
}
