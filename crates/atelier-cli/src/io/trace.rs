//! The tensors of every stage as a safetensors file.

use std::path::Path;

use atelier::{Trace, TraceTensor, TraceValues};
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::error::{Error, Result};
use crate::io::files;

/// Runs `run`, and writes its tensors to `path` if there is one.
pub async fn record(path: Option<&Path>, run: impl Future<Output = Result<()>>) -> Result<()> {
    let Some(path) = path else { return run.await };
    let trace = Trace::default();
    trace.scope(run).await?;
    write(path, &trace.into_tensors().await?)
}

fn write(path: &Path, tensors: &[(String, TraceTensor)]) -> Result<()> {
    let failed =
        |error: safetensors::SafeTensorError| Error::Crash(format!("the trace cannot be encoded: {error}"));
    let encoded: Vec<(Dtype, Vec<u8>)> = tensors.iter().map(|(_, tensor)| bytes(&tensor.values)).collect();
    let views = tensors.iter().zip(&encoded).map(|((name, tensor), (dtype, bytes))| {
        Ok((name.as_str(), TensorView::new(*dtype, tensor.shape.clone(), bytes).map_err(failed)?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    files::write(path, &serialize(views, None).map_err(failed)?)
}

fn bytes(values: &TraceValues) -> (Dtype, Vec<u8>) {
    match values {
        TraceValues::F32(values) => {
            (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
        TraceValues::I32(values) => {
            (Dtype::I32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
        TraceValues::U8(values) => (Dtype::U8, values.clone()),
    }
}
