//! Tensors from the device back to the host.

use burn::tensor::{Int, Tensor};

use crate::error::{Error, Result};

/// Reads a float tensor back, row-major.
///
/// # Errors
/// The device fails.
pub(crate) async fn read_floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|e| Error::Compute(e.to_string()))?;
    data.try_cast_as::<f32>()
        .map_err(|e| Error::Compute(e.to_string()))?
        .try_into_vec::<f32>()
        .map_err(|e| Error::Compute(format!("{e:?}")))
}

/// Reads an integer tensor back, row-major.
///
/// # Errors
/// The device fails.
pub(crate) async fn read_ids<const D: usize>(tensor: Tensor<D, Int>) -> Result<Vec<u32>> {
    let data = tensor.into_data_async().await.map_err(|e| Error::Compute(e.to_string()))?;
    let ids = data
        .try_cast_as::<i64>()
        .map_err(|e| Error::Compute(e.to_string()))?
        .try_into_vec::<i64>()
        .map_err(|e| Error::Compute(format!("{e:?}")))?;
    ids.into_iter()
        .map(|id| u32::try_from(id).map_err(|_| Error::Compute(format!("id {id} read back from the device"))))
        .collect()
}
