#[cfg(feature = "gpu")]
use burn::tensor::{DType, Device, TensorData};

#[cfg(feature = "gpu")]
use crate::witnesses::{Random, compare_on, gpus};
use crate::witnesses::{RandomData, compare, on};

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
            (qkv, cos, sin, random.data(buffer), random.data(buffer), before)
        },
        |(qkv, cos, sin, keys, values, before), device| {
            let (cos, sin) = (on(cos, device), on(sin, device));
            let (keys, values) = (on(keys, device), on(values, device));
            atelier_shaders::rope_append(on(qkv, device), cos, sin, keys, values, *before)
        },
    );
}

/// A cache of 16 bits: written as the reference rounds it, read by both kernels of attention.
#[cfg(feature = "gpu")]
#[test]
fn a_cache_of_16_bits() {
    let run = |(qkv, angles, cache, before): &(TensorData, TensorData, TensorData, usize),
               device: &Device| {
        let half = || on::<4>(cache, device).cast(DType::F16);
        let angles = || on::<4>(angles, device);
        let qkv = on(qkv, device);
        let (q, keys, values) =
            atelier_shaders::rope_append(qkv, angles(), angles(), half(), half(), *before);
        let [_, _, seq, _] = q.dims();
        let attended = atelier_shaders::attention_over_cache(q, keys.clone(), values.clone(), before + seq);
        (attended, keys.cast(DType::F32), values.cast(DType::F32))
    };
    let cases = |random: &mut Random| {
        let (heads, key_value_heads) = (random.size(3), random.size(2));
        // One token over a long context, or several.
        let (seq, before) = if random.flag() { (1, random.size(300)) } else { (12, random.size(40)) };
        let head_dim = 2 * random.size(40);
        let slots = heads * key_value_heads + 2 * key_value_heads;
        let qkv = random.data([1, seq, slots * head_dim]);
        let angles = random.data([1, 1, seq, head_dim / 2 / 2 * 2]);
        (qkv, angles, random.data([1, key_value_heads, before + seq + 3, head_dim]), before)
    };
    for gpu in gpus() {
        compare_on(&gpu, 2e-3, cases, run, run);
    }
}
