//! Tensors between devices, the host and files.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::{ElementConversion, Int, Tensor};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use super::error::{Result, TrainError};

/// A tensor's values on the host.
///
/// # Errors
/// The device failed.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .into_data()
        .convert::<f32>()
        .try_into_vec()
        .map_err(|error| TrainError::Device(format!("{error:?}")))
}

/// A tensor of ids on the host.
///
/// # Errors
/// The device failed.
pub fn ids<const D: usize>(tensor: Tensor<D, Int>) -> Result<Vec<u32>> {
    let ids = tensor.into_data().convert::<i64>().try_into_vec::<i64>();
    let ids = ids.map_err(|error| TrainError::Device(format!("{error:?}")))?;
    Ok(ids.into_iter().map(|id| id as u32).collect())
}

/// A tensor's one value.
///
/// # Errors
/// The device failed.
pub fn scalar<const D: usize>(tensor: Tensor<D>) -> Result<f32> {
    Ok(tensor.into_scalar::<f32>().elem())
}

/// A tensor by name: its shape and its values.
pub type Named = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Writes f32 tensors; the file appears whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_f32(
    path: &Path,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    notes: HashMap<String, String>,
) -> Result<()> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, shape, values)| (name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect()))
        .collect();
    write(path, &bytes, Dtype::F32, notes)
}

/// Writes tensors rounded to f16; the file appears whole or not at all.
///
/// # Errors
/// A value is beyond f16's range; the file cannot be written.
pub fn write_f16(path: &Path, tensors: &Named, notes: HashMap<String, String>) -> Result<()> {
    let mut bytes = Vec::new();
    for (name, (shape, values)) in tensors {
        if let Some(value) = values.iter().find(|value| !f16::from_f32(**value).is_finite()) {
            return Err(TrainError::file(path, format!("tensor {name}: {value} is beyond f16's range")));
        }
        let data = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        bytes.push((name.clone(), shape.clone(), data));
    }
    write(path, &bytes, Dtype::F16, notes)
}

fn write(
    path: &Path,
    tensors: &[(String, Vec<usize>, Vec<u8>)],
    dtype: Dtype,
    notes: HashMap<String, String>,
) -> Result<()> {
    let failed = |error: &dyn ToString| TrainError::file(path, error.to_string());
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, data) in tensors {
        views.push((name, TensorView::new(dtype, shape.clone(), data).map_err(|error| failed(&error))?));
    }
    let bytes = serialize(views, Some(notes)).map_err(|error| failed(&error))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes).map_err(|error| failed(&error))?;
    std::fs::rename(&partial, path).map_err(|error| failed(&error))
}

/// Reads f32 or f16 tensors and the file's notes.
///
/// # Errors
/// The file cannot be read, or holds other types.
pub fn read_f32(path: &Path) -> Result<(Named, HashMap<String, String>)> {
    let failed = |error: &dyn ToString| TrainError::file(path, error.to_string());
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| failed(&error))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| failed(&error))?;
    let mut named = Named::new();
    for (name, view) in tensors.iter() {
        let values = match view.dtype() {
            Dtype::F32 => {
                view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            Dtype::F16 => {
                view.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            }
            other => return Err(failed(&format!("tensor {name}: expected F32 or F16, found {other:?}"))),
        };
        named.insert(name.to_owned(), (view.shape().to_vec(), values));
    }
    Ok((named, header.metadata().clone().unwrap_or_default()))
}
