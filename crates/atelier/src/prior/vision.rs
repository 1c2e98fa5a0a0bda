//! The vision tower: patches of a source image to features (specification, section 5.2).

use burn::module::{Module, Param};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Int, Tensor, TensorData, activation, module};

use crate::nn::{LayerNorm, Linear, merge_heads, split_heads};
use crate::prompt::Grid;
use crate::trace::Trace;

/// A plain pre-norm transformer over the patches of one image. There is no final norm.
#[derive(Module, Debug)]
pub struct VisionTower {
    /// The patch convolution as a matrix over (channel, row, column).
    pub(crate) patch_embed: Linear,
    /// `[side², hidden]`, a square map.
    pub(crate) position_embedding: Param<Tensor<2>>,
    pub(crate) blocks: Vec<VisionBlock>,
    /// Side of the position map.
    pub(crate) table_side: usize,
}

/// One block of the tower.
#[derive(Module, Debug)]
pub struct VisionBlock {
    pub(crate) norm1: LayerNorm,
    /// q rows, then k, then v.
    pub(crate) qkv: Linear,
    pub(crate) proj: Linear,
    pub(crate) norm2: LayerNorm,
    pub(crate) fc1: Linear,
    pub(crate) fc2: Linear,
    pub(crate) heads: usize,
}

impl VisionTower {
    /// # Shapes
    /// - patches: `[rows * columns, channels * patch * patch]`, row-major over the grid
    /// - output: `[rows * columns, hidden]`
    pub fn forward(&self, patches: Tensor<2>, grid: Grid, trace: &mut Trace) -> Tensor<2> {
        let x = self.patch_embed.forward(patches);
        trace.tensor("patch_embed_out", &x);
        let x = x + self.positions(grid);
        trace.tensor("with_position", &x);
        let mut x = x.unsqueeze::<3>();
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x);
            trace.tensor(&format!("block{index}_out"), &x.clone().squeeze_dim::<2>(0));
        }
        x.squeeze_dim(0)
    }

    /// The position map, sampled bilinearly at the centre of every patch; coordinates clamp to the border.
    fn positions(&self, grid: Grid) -> Tensor<2> {
        let table = self.position_embedding.val();
        let device = table.device();
        let (rows, columns) = (self.axis(grid.rows), self.axis(grid.columns));
        let corner = |row: fn(&Sample) -> usize, column: fn(&Sample) -> usize| -> Tensor<1, Int> {
            let indices: Vec<i32> = rows
                .iter()
                .flat_map(|r| columns.iter().map(move |c| (row(r) * self.table_side + column(c)) as i32))
                .collect();
            let count = indices.len();
            Tensor::from_data(TensorData::new(indices, [count]), &device)
        };
        let weight = |row: fn(&Sample) -> f32, column: fn(&Sample) -> f32| -> Tensor<2> {
            let weights: Vec<f32> =
                rows.iter().flat_map(|r| columns.iter().map(move |c| row(r) * column(c))).collect();
            let count = weights.len();
            Tensor::from_data(TensorData::new(weights, [count, 1]), &device)
        };
        let (low, high): (fn(&Sample) -> usize, fn(&Sample) -> usize) = (|s| s.low, |s| s.high);
        let (near, far): (fn(&Sample) -> f32, fn(&Sample) -> f32) = (|s| 1.0 - s.fraction, |s| s.fraction);
        table.clone().select(0, corner(low, low)) * weight(near, near)
            + table.clone().select(0, corner(low, high)) * weight(near, far)
            + table.clone().select(0, corner(high, low)) * weight(far, near)
            + table.select(0, corner(high, high)) * weight(far, far)
    }

    fn axis(&self, cells: usize) -> Vec<Sample> {
        let last = (self.table_side - 1) as f32;
        (0..cells)
            .map(|i| {
                let centre = (i as f32 + 0.5) / cells as f32 * self.table_side as f32 - 0.5;
                let clamped = centre.clamp(0.0, last);
                let low = clamped.floor();
                Sample {
                    low: low as usize,
                    high: (low as usize + 1).min(self.table_side - 1),
                    fraction: clamped - low,
                }
            })
            .collect()
    }
}

/// Where a coordinate falls between two entries of the table.
struct Sample {
    low: usize,
    high: usize,
    fraction: f32,
}

impl VisionBlock {
    /// # Shapes
    /// - x, output: `[1, seq, hidden]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let qkv = self.qkv.forward(self.norm1.forward(x.clone()));
        let [_, _, triple] = qkv.dims();
        let part = |i: usize| split_heads(qkv.clone().narrow(2, i * triple / 3, triple / 3), self.heads);
        let options = AttentionModuleOptions::default();
        let attended = module::attention(part(0), part(1), part(2), None, None, options);
        let x = x + self.proj.forward(merge_heads(attended));
        let hidden = activation::gelu(self.fc1.forward(self.norm2.forward(x.clone())));
        x + self.fc2.forward(hidden)
    }
}

/// Patches from the host as a `[rows * columns, values]` tensor.
pub(crate) fn patches_tensor(values: &[f32], grid: Grid, device: &Device) -> Tensor<2> {
    let count = grid.len();
    Tensor::from_data(TensorData::new(values.to_vec(), [count, values.len() / count.max(1)]), device)
}
