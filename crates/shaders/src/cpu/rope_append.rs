//! Twin of [`crate::rope_append()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{tensor, values, values_range};

pub fn twin(
    qkv: FlexTensor,
    cos: FlexTensor,
    sin: FlexTensor,
    mut keys: FlexTensor,
    mut value_buffer: FlexTensor,
    scales: FlexTensor,
    at: usize,
) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
    let [_, seq, width] = qkv.shape().dims();
    let [_, key_value_heads, capacity, head_dim] = keys.shape().dims();
    let [_, _, _, rotary] = cos.shape().dims();
    let slots = width / head_dim;
    let heads = slots - 2 * key_value_heads;
    let [qkv, cos, sin] = [qkv, cos, sin].map(|x| x.to_contiguous());
    let (qkv, cos, sin) = (values(&qkv), values(&cos), values(&sin));
    let mut q = vec![0.0; heads * seq * head_dim];
    {
        let (of_keys, of_values) = (values_range(&keys), values_range(&value_buffer));
        let keys = &mut keys.storage_mut::<f32>()[of_keys];
        let value_buffer = &mut value_buffer.storage_mut::<f32>()[of_values];
        for (row, head) in qkv.chunks_exact(head_dim).enumerate() {
            let (token, slot) = (row / slots, row % slots);
            let in_cache = |slot: usize| (slot * capacity + at + token) * head_dim;
            let (out, start) = match slot {
                slot if slot < heads => (q.as_mut_slice(), (slot * seq + token) * head_dim),
                slot if slot < heads + key_value_heads => (&mut *keys, in_cache(slot - heads)),
                slot => (&mut *value_buffer, in_cache(slot - heads - key_value_heads)),
            };
            let out = &mut out[start..start + head_dim];
            out.copy_from_slice(head);
            if slot < heads + key_value_heads {
                let angles = token * rotary..(token + 1) * rotary;
                rotate(&mut out[..rotary], &head[..rotary], &cos[angles.clone()], &sin[angles]);
            }
        }
    }
    (tensor(q, [1, heads, seq, head_dim]), keys, value_buffer, scales)
}

/// Channel `i` pairs with `i + rotary / 2`.
fn rotate(out: &mut [f32], head: &[f32], cos: &[f32], sin: &[f32]) {
    let half = head.len() / 2;
    for (i, out) in out.iter_mut().enumerate() {
        let other = if i < half { -head[i + half] } else { head[i - half] };
        *out = head[i] * cos[i] + other * sin[i];
    }
}
