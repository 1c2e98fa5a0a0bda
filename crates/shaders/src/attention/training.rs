//! Attention for training: in blocks of queries, and its derivative.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, Slice, TensorData};

use super::GroupedAttention;

/// Queries of a block. A causal block leaves out the keys after its last query, which is near half of the work.
const BLOCK: usize = 128;

/// What attention gives, and what its derivative needs.
#[derive(Debug, Clone)]
struct Attended<F> {
    output: F,
    blocks: Vec<Block<F>>,
}

#[derive(Debug, Clone)]
struct Block<F> {
    /// First and last query.
    rows: [usize; 2],
    /// Keys seen.
    context: usize,
    /// Softmax over them.
    weights: F,
}

/// The sizes of one call.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    heads: usize,
    key_value_heads: usize,
    seq: usize,
    context: usize,
    head_dim: usize,
}

impl Sizes {
    fn of<B: Backend>(q: &FloatTensor<B>, k: &FloatTensor<B>, context: usize) -> Self {
        let [batch, heads, seq, head_dim] = q.shape().dims();
        let [_, key_value_heads, ..] = k.shape().dims::<4>();
        Self { batch, heads, key_value_heads, seq, context, head_dim }
    }

    fn group(self) -> usize {
        self.heads / self.key_value_heads
    }

    fn scale(self) -> f32 {
        (self.head_dim as f32).sqrt().recip()
    }

    /// Some queries of `[batch, heads, seq, head_dim]`, the heads of a group below each other.
    fn rows<B: Backend>(self, x: &FloatTensor<B>, [start, end]: [usize; 2]) -> FloatTensor<B> {
        let x = slice::<B>(x, start, end);
        let shape = [self.batch, self.key_value_heads, self.group() * (end - start), self.head_dim];
        B::float_reshape(x, Shape::from(shape))
    }

    /// The inverse of [`Self::rows`], block by block.
    fn join<B: Backend>(self, blocks: Vec<FloatTensor<B>>) -> FloatTensor<B> {
        let back = |block: FloatTensor<B>| {
            let [_, _, rows, _] = block.shape().dims();
            let shape = [self.batch, self.heads, rows / self.group(), self.head_dim];
            B::float_reshape(block, Shape::from(shape))
        };
        B::float_cat(blocks.into_iter().map(back).collect(), 2)
    }
}

/// Part of the third dimension.
fn slice<B: Backend>(x: &FloatTensor<B>, start: usize, end: usize) -> FloatTensor<B> {
    B::float_slice(x.clone(), &range(start, end))
}

fn range(start: usize, end: usize) -> [Slice; 4] {
    let all = Slice::new(0, None, 1);
    [all, all, Slice::new(start as isize, Some(end as isize), 1), all]
}

/// Far below any score: what a query must not see.
fn triangle<B: Backend>(like: &FloatTensor<B>, rows: usize, group: usize, context: usize) -> FloatTensor<B> {
    let before = context - rows;
    let row = |row: usize| (0..context).map(move |key| if key > before + row { -1e9_f32 } else { 0.0 });
    let values: Vec<f32> = (0..group).flat_map(|_| (0..rows).flat_map(row)).collect();
    B::float_from_data(TensorData::new(values, [1, 1, group * rows, context]), &like.device())
}

fn attend<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    context: usize,
    causal: bool,
) -> Attended<FloatTensor<B>> {
    let sizes = Sizes::of::<B>(&q, &k, context);
    let q = B::float_mul_scalar(q, sizes.scale().into());
    let (mut outputs, mut blocks) = (Vec::new(), Vec::new());
    for start in (0..sizes.seq).step_by(if causal { BLOCK } else { sizes.seq }) {
        let end = if causal { (start + BLOCK).min(sizes.seq) } else { sizes.seq };
        let context = if causal { sizes.context - sizes.seq + end } else { sizes.context };
        let rows = [start, end];
        let keys = B::float_swap_dims(slice::<B>(&k, 0, context), 2, 3);
        let mut scores = B::float_matmul(sizes.rows::<B>(&q, rows), keys);
        if causal {
            let triangle = triangle::<B>(&scores, end - start, sizes.group(), context);
            scores = B::float_add(scores, triangle);
        }
        let weights = B::softmax(scores, 3);
        outputs.push(B::float_matmul(weights.clone(), slice::<B>(&v, 0, context)));
        blocks.push(Block { rows, context, weights });
    }
    Attended { output: sizes.join::<B>(outputs), blocks }
}

/// The derivatives with respect to queries, keys and values.
fn derive<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    attended: Attended<FloatTensor<B>>,
    grad: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let context = attended.blocks.last().map_or(0, |block| block.context);
    let sizes = Sizes::of::<B>(&q, &k, context);
    let scale = sizes.scale();
    let q = B::float_mul_scalar(q, scale.into());
    let through = B::float_sum_dim(B::float_mul(grad.clone(), attended.output), 3);
    let zeros = || B::float_zeros(k.shape(), &k.device(), k.dtype().into());
    let (mut of_q, mut of_k, mut of_v) = (Vec::new(), zeros(), zeros());
    for Block { rows, context, weights } in attended.blocks {
        let (q, grad) = (sizes.rows::<B>(&q, rows), sizes.rows::<B>(&grad, rows));
        let group_rows = [sizes.batch, sizes.key_value_heads, sizes.group() * (rows[1] - rows[0]), 1];
        let through = B::float_reshape(slice::<B>(&through, rows[0], rows[1]), Shape::from(group_rows));
        let (keys, values) = (slice::<B>(&k, 0, context), slice::<B>(&v, 0, context));

        let of_weights = B::float_matmul(grad.clone(), B::float_swap_dims(values, 2, 3));
        let of_scores = B::float_mul(weights.clone(), B::float_sub(of_weights, through));
        of_v = add::<B>(of_v, B::float_matmul(B::float_swap_dims(weights, 2, 3), grad), context);
        of_k = add::<B>(of_k, B::float_matmul(B::float_swap_dims(of_scores.clone(), 2, 3), q), context);
        of_q.push(B::float_mul_scalar(B::float_matmul(of_scores, keys), scale.into()));
    }
    [sizes.join::<B>(of_q), of_k, of_v]
}

/// Adds to the first rows of a sum.
fn add<B: Backend>(sum: FloatTensor<B>, part: FloatTensor<B>, rows: usize) -> FloatTensor<B> {
    let added = B::float_add(slice::<B>(&sum, 0, rows), part);
    B::float_slice_assign(sum, &range(0, rows), added)
}

#[cfg(feature = "autodiff")]
mod derivative {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;

    use super::{Attended, GroupedAttention, attend, derive};

    #[derive(Debug)]
    struct Derivative;

    impl<B: GroupedAttention> Backward<B, 3> for Derivative {
        type State = ([FloatTensor<B>; 3], Attended<FloatTensor<B>>);

        fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<B>(&ops.node);
            let ([q, k, v], attended) = ops.state;
            let derivatives = derive::<B>(q, k, v, attended, grad);
            for (parent, derivative) in ops.parents.into_iter().zip(derivatives) {
                if let Some(parent) = parent {
                    grads.register::<B>(parent.id, derivative);
                }
            }
        }
    }

    impl<B: GroupedAttention, C: CheckpointStrategy> GroupedAttention for Autodiff<B, C> {
        fn grouped_attention(
            q: FloatTensor<Self>,
            k: FloatTensor<Self>,
            v: FloatTensor<Self>,
            scales: FloatTensor<Self>,
            context: usize,
            causal: bool,
        ) -> FloatTensor<Self> {
            let scales = scales.into_primitive();
            let nodes = [q.node(), k.node(), v.node()];
            let (q, k, v) = (q.into_primitive(), k.into_primitive(), v.into_primitive());
            match Derivative.prepare::<C>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => {
                    let attended = attend::<B>(q.clone(), k.clone(), v.clone(), context, causal);
                    let output = attended.output.clone();
                    prep.finish(([q, k, v], attended), output)
                }
                OpsKind::UnTracked(prep) => {
                    prep.finish(B::grouped_attention(q, k, v, scales, context, causal))
                }
            }
        }
    }
}

#[cfg(feature = "libtorch")]
#[allow(deprecated)] // burn means to drop LibTorch; training here is twice as fast with it.
impl GroupedAttention for burn::backend::LibTorch {
    fn grouped_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        context: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        // LibTorch's own attention is handed burn's masks the wrong way round (burn-tch 0.22.1).
        attend::<Self>(q, k, v, context, causal).output
    }
}
