//! How a checkpoint's tensors become modules.
//!
//! Each part of the model says in its own folder, in `weights.rs`, which tensors it wants ([`FromWeights`]), from any
//! [`WeightSource`]. Asking one that only takes notes gives the [inventory](crate::inventory), which is what a checkpoint is
//! checked against before a single weight is read.

mod scope;

pub use scope::Scope;

use atelier_weights::ComponentName;
use burn::module::Param;
use burn::tensor::Tensor;

use crate::calibration::Observer;
use crate::config::ModelConfig;
use crate::error::Result;
use crate::nn::Matrix;
use crate::progress::Stage;

/// A part of the model that is built from weights.
#[allow(async_fn_in_trait)] // Only ever used as a type parameter inside this crate.
pub trait FromWeights: Sized {
    /// The component whose files hold its weights.
    const COMPONENT: ComponentName;
    /// The stage that computes with it.
    const STAGE: Stage;

    /// Builds it.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`].
    async fn from_weights<W: WeightSource>(w: Scope<'_, W>, config: &ModelConfig) -> Result<Self>;
}

/// Where modules get their weights from.
#[allow(async_fn_in_trait)] // Only ever used as a type parameter inside this crate.
pub trait WeightSource {
    /// The tensor `name`, which must have exactly the shape `shape`.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or cannot be read.
    async fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Param<Tensor<D>>> {
        self.reshaped(name, shape, shape).await
    }

    /// The tensor `name` of shape `stored`, read as `shape`: the same values in the same order.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`].
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        stored: [usize; S],
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>>;

    /// The weights `name` of a linear layer or an embedding, which may be packed.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`].
    async fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix> {
        Ok(Matrix::dense(self.tensor(name, shape).await?))
    }

    /// Where the inputs of the linear layer with the weights `name` are measured, if they are.
    fn observer(&self, _name: &str) -> Option<Observer> {
        None
    }

    /// Notes a tensor that checkpoints carry and inference never uses.
    fn unused(&mut self, name: &str, shape: &[usize]);

    /// Notes a second name under which a checkpoint may carry the tensor `same_as`.
    fn alias(&mut self, name: &str, same_as: &str, shape: &[usize]);
}
