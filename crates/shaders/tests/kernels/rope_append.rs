use atelier_shaders::KeyValueCache;
#[cfg(feature = "gpu")]
use burn::tensor::DType;
use burn::tensor::{Device, Tensor, TensorData};

#[cfg(feature = "gpu")]
use crate::witnesses::{Random, compare_on, gpus};
use crate::witnesses::{RandomData, compare, on};

/// A cache of f32 that holds keys and values.
pub fn cache([keys, values]: &[TensorData; 2], device: &Device) -> KeyValueCache {
    KeyValueCache { keys: on(keys, device), values: on(values, device), scales: Tensor::ones([1; 4], device) }
}

#[test]
fn rope_append() {
    compare(
        1e-6,
        |random| {
            let (heads, key_value_heads) = (random.size(4), random.size(3));
            let (seq, before, half) = (random.size(9), random.size(9) - 1, random.size(40));
            let head_dim = 2 * half + random.size(5) - 1;
            let qkv = random.data([1, seq, (heads + 2 * key_value_heads) * head_dim]);
            let [cos, sin] = [(); 2].map(|()| random.data([1, 1, seq, 2 * half]));
            let buffer = [1, key_value_heads, before + seq + random.size(9), head_dim];
            (qkv, cos, sin, [(); 2].map(|()| random.data(buffer)), before)
        },
        |(qkv, cos, sin, buffers, before), device| {
            let (cos, sin, cache) = (on(cos, device), on(sin, device), cache(buffers, device));
            let (q, cache) = atelier_shaders::rope_append(on(qkv, device), cos, sin, cache, *before);
            (q, cache.keys, cache.values)
        },
    );
}

/// A cache of 16 bits: written as the reference rounds it, read by both kernels of attention.
#[cfg(feature = "gpu")]
#[test]
fn a_cache_of_16_bits() {
    type Case = (TensorData, TensorData, TensorData, usize);
    let run = |(qkv, angles, before_it, before): &Case, device: &Device| {
        let angles = || on::<4>(angles, device);
        let [_, heads, capacity, head_dim] = before_it.shape().dims();
        let cache = KeyValueCache::empty([heads, capacity, head_dim], DType::F16, device);
        // What was there before comes in as tokens, too: each row has a scale.
        let first = on::<4>(before_it, device).narrow(2, 0, *before).swap_dims(1, 2);
        let queries = qkv.shape()[2] / head_dim - 2 * heads;
        let none = Tensor::zeros([1, *before, queries, head_dim], device);
        let first = Tensor::cat(vec![none, first.clone(), first], 2).reshape([1, *before as i32, -1]);
        let still = |value| Tensor::full([1, 1, *before, angles().dims()[3]], value, device);
        let (_, cache) = atelier_shaders::rope_append(first, still(1.0), still(0.0), cache, 0);
        let (q, cache) = atelier_shaders::rope_append(on(qkv, device), angles(), angles(), cache, *before);
        let [_, _, seq, _] = q.dims();
        let attended = atelier_shaders::attention_over_cache(q, &cache, before + seq);
        let KeyValueCache { keys, values, scales } = cache;
        let part = |x: Tensor<4>, which: usize| {
            let scales = scales.clone().narrow(0, which, 1).narrow(2, 0, before + seq);
            x.narrow(2, 0, before + seq).cast(DType::F32) * scales
        };
        (attended, part(keys, 0), part(values, 1))
    };
    let cases = |random: &mut Random| {
        let (heads, key_value_heads) = (random.size(3), random.size(2));
        // One token over a long context, or several.
        let (seq, before) = if random.flag() { (1, random.size(300)) } else { (12, random.size(40)) };
        let head_dim = 2 * random.size(40);
        let slots = heads * key_value_heads + 2 * key_value_heads;
        // Rows of any magnitude.
        let mut qkv = random.data([1, seq, slots * head_dim]);
        let far = 2.0_f32.powi(random.size(40) as i32 - 20);
        qkv = TensorData::new(
            qkv.iter::<f32>()
                .enumerate()
                .map(|(i, x)| if i / head_dim % slots >= slots - key_value_heads { x * far } else { x })
                .collect::<Vec<_>>(),
            qkv.shape().clone(),
        );
        let angles = random.data([1, 1, seq, head_dim / 2 / 2 * 2]);
        (qkv, angles, random.data([1, key_value_heads, before + seq + 3, head_dim]), before)
    };
    for gpu in gpus() {
        compare_on(&gpu, 2e-3, cases, run, run);
    }
}
