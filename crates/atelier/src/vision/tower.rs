//! The vision tower: patches of a source image to features (spec 5.2).

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::nn::{LayerNorm, Linear, merge_heads, split_heads};
use crate::pace::{Pace, Unpaced, at_once};
use crate::prompt::Grid;
use crate::trace;

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
    pub fn forward(&self, patches: Tensor<2>, grid: Grid) -> Tensor<2> {
        at_once(self.forward_paced(patches, grid, &mut Unpaced))
    }

    /// [`VisionTower::forward`] at a pace.
    pub(crate) async fn forward_paced<P: Pace>(
        &self,
        patches: Tensor<2>,
        grid: Grid,
        pace: &mut P,
    ) -> Result<Tensor<2>, P::Stop> {
        Ok(self.through_blocks(patches.unsqueeze(), grid, pace).await?.squeeze_dim(0))
    }

    async fn through_blocks<P: Pace>(
        &self,
        patches: Tensor<3>,
        grid: Grid,
        pace: &mut P,
    ) -> Result<Tensor<3>, P::Stop> {
        let first = |x: &Tensor<3>| x.clone().narrow(0, 0, 1).squeeze_dim::<2>(0);
        let x = self.patch_embed.forward(patches);
        trace::record("patch_embed_out", || first(&x));
        let mut x = x + self.positions(grid).unsqueeze();
        trace::record("with_position", || first(&x));
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x);
            trace::record(format_args!("block{index}_out"), || first(&x));
            pace.pause().await?;
        }
        Ok(x)
    }

    /// The position map, sampled bilinearly at the centre of every patch; coordinates clamp to the border.
    fn positions(&self, grid: Grid) -> Tensor<2> {
        let table = self.position_embedding.val();
        let device = table.device();
        let (rows, columns) = (self.taps(grid.rows), self.taps(grid.columns));
        let corner = |[i, j]: [usize; 2]| {
            let pairs =
                || rows.iter().flat_map(|row| columns.iter().map(move |column| (&row[i], &column[j])));
            let indices: Vec<i32> =
                pairs().map(|(r, c)| (r.entry * self.table_side + c.entry) as i32).collect();
            let weights: Vec<f32> = pairs().map(|(r, c)| r.weight * c.weight).collect();
            let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [grid.len()]), &device);
            let weights = Tensor::<2>::from_data(TensorData::new(weights, [grid.len(), 1]), &device);
            table.clone().select(0, indices) * weights
        };
        corner([0, 0]) + corner([0, 1]) + corner([1, 0]) + corner([1, 1])
    }

    /// For each cell along an axis, the two entries of the table it lies between.
    fn taps(&self, cells: usize) -> Vec<[Tap; 2]> {
        let last = self.table_side - 1;
        (0..cells)
            .map(|cell| {
                let centre = (cell as f32 + 0.5) / cells as f32 * self.table_side as f32 - 0.5;
                let centre = centre.clamp(0.0, last as f32);
                let (entry, far) = (centre.floor() as usize, centre.fract());
                [Tap { entry, weight: 1.0 - far }, Tap { entry: (entry + 1).min(last), weight: far }]
            })
            .collect()
    }
}

/// An entry of the table and its share.
struct Tap {
    entry: usize,
    weight: f32,
}

impl VisionBlock {
    /// # Shapes
    /// - x, output: `[batch, seq, hidden]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let qkv = self.qkv.forward(self.norm1.forward(x.clone()));
        let [_, _, triple] = qkv.dims();
        let part = |i: usize| split_heads(qkv.clone().narrow(2, i * triple / 3, triple / 3), self.heads);
        let attended = atelier_shaders::attention(part(0), part(1), part(2), false);
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
