//! An optional record of every stage's tensors, for comparison with the reference.
//!
//! Names are those of the reference's files: plain for what the end-to-end and architect files hold, and behind the
//! family's name (`glyph.`, `dit_cond.`, `dit_uncond.`, `vae_decode.`, `vision.source0.`, `vae_encode.source0.`) for what
//! happens inside a model, which is kept for the first picture and its first step. In a batch, what the reference keeps
//! for one prompt only goes behind `prompt0.`, `prompt1.`, ….

use burn::tensor::{Int, Tensor};

use crate::error::{Error, Result};

/// Collects named tensors while a run goes on; a disabled trace costs nothing.
#[derive(Debug, Default)]
pub struct Trace {
    enabled: bool,
    prefix: String,
    entries: Vec<Entry>,
}

/// A recorded tensor. Entries of one name are parts of one tensor, concatenated along `axis`.
#[derive(Debug)]
struct Entry {
    name: String,
    axis: usize,
    shape: Vec<usize>,
    values: EntryValues,
}

/// Still on the device, or already on the host.
#[derive(Debug)]
enum EntryValues {
    Device(Box<Tensor<1>>),
    Host(TraceValues),
}

/// One tensor of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceTensor {
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// The values.
    pub values: TraceValues,
}

/// The values of a traced tensor, in the number formats of the reference's files.
#[derive(Debug, Clone, PartialEq)]
pub enum TraceValues {
    /// Everything computed.
    F32(Vec<f32>),
    /// Ids, positions, grids.
    I32(Vec<i32>),
    /// Pictures.
    U8(Vec<u8>),
}

impl Trace {
    /// A trace that records.
    pub fn enabled() -> Self {
        Self { enabled: true, ..Self::default() }
    }

    /// A trace that drops everything.
    pub fn disabled() -> Self {
        Self::default()
    }

    /// Whether anything is recorded.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Runs `stage` with `prefix` before every name it records.
    pub(crate) fn scoped<T>(&mut self, prefix: &str, stage: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.prefix.clone();
        self.prefix.push_str(prefix);
        let result = stage(self);
        self.prefix = outer;
        result
    }

    /// As [`Trace::scoped`], but records nothing unless `wanted`.
    pub(crate) fn scoped_if<T>(
        &mut self,
        wanted: bool,
        prefix: &str,
        stage: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if wanted { self.scoped(prefix, stage) } else { stage(&mut Self::disabled()) }
    }

    /// Records a device tensor; it is read back in [`Trace::into_tensors`].
    pub(crate) fn tensor<const D: usize>(&mut self, name: &str, tensor: &Tensor<D>) {
        self.stacked_tensor(name, 0, tensor);
    }

    /// Records one picture's part of a tensor whose dimension `axis` counts the pictures.
    pub(crate) fn stacked_tensor<const D: usize>(&mut self, name: &str, axis: usize, tensor: &Tensor<D>) {
        if self.enabled {
            let values = EntryValues::Device(Box::new(tensor.clone().reshape([-1])));
            self.push(name, axis, tensor.dims().to_vec(), values);
        }
    }

    /// Records host values, made only when the trace is enabled.
    pub(crate) fn host(&mut self, name: &str, shape: &[usize], values: impl FnOnce() -> TraceValues) {
        self.stacked(name, 0, shape, values);
    }

    /// Records one part of a tensor whose dimension `axis` counts pictures, prompts or source patches.
    pub(crate) fn stacked(
        &mut self,
        name: &str,
        axis: usize,
        shape: &[usize],
        values: impl FnOnce() -> TraceValues,
    ) {
        if self.enabled {
            self.push(name, axis, shape.to_vec(), EntryValues::Host(values()));
        }
    }

    /// Records ids, positions or grids.
    pub(crate) fn ids(&mut self, name: &str, shape: &[usize], ids: impl IntoIterator<Item = u32>) {
        self.host(name, shape, || TraceValues::ids(&ids.into_iter().collect::<Vec<_>>()));
    }

    fn push(&mut self, name: &str, axis: usize, shape: Vec<usize>, values: EntryValues) {
        self.entries.push(Entry { name: format!("{}{name}", self.prefix), axis, shape, values });
    }

    /// Everything recorded, in order of the names' first appearance, read back from the device.
    ///
    /// # Errors
    /// The device fails to hand a tensor back, or the parts of one name do not fit together.
    pub async fn into_tensors(self) -> Result<Vec<(String, TraceTensor)>> {
        let mut tensors: Vec<(String, TraceTensor)> = Vec::with_capacity(self.entries.len());
        for Entry { name, axis, shape, values } in self.entries {
            let values = match values {
                EntryValues::Host(values) => values,
                EntryValues::Device(tensor) => TraceValues::F32(read_floats(*tensor).await?),
            };
            let part = TraceTensor { shape, values };
            match tensors.iter_mut().find(|(known, _)| *known == name) {
                Some((_, whole)) => {
                    whole.append(part, axis).map_err(|e| Error::Compute(format!("trace {name}: {e}")))?
                }
                None => tensors.push((name, part)),
            }
        }
        Ok(tensors)
    }
}

impl TraceValues {
    /// Ids as the reference's files store them.
    pub(crate) fn ids(ids: &[u32]) -> Self {
        Self::I32(ids.iter().map(|id| id.cast_signed()).collect())
    }
}

impl TraceTensor {
    /// Concatenates `other` along `axis`.
    fn append(&mut self, other: Self, axis: usize) -> Result<(), String> {
        let fits = self.shape.len() == other.shape.len()
            && self.shape.iter().zip(&other.shape).enumerate().all(|(i, (a, b))| i == axis || a == b);
        let misfit =
            format!("parts of shape {:?} and {:?} do not fit along axis {axis}", self.shape, other.shape);
        if !fits || axis >= self.shape.len() {
            return Err(misfit);
        }
        let inner: usize = self.shape[axis + 1..].iter().product();
        let rows = (self.shape[axis] * inner, other.shape[axis] * inner);
        match (&mut self.values, other.values) {
            (TraceValues::F32(a), TraceValues::F32(b)) => interleave(a, &b, rows),
            (TraceValues::I32(a), TraceValues::I32(b)) => interleave(a, &b, rows),
            (TraceValues::U8(a), TraceValues::U8(b)) => interleave(a, &b, rows),
            _ => return Err("parts of different number formats".into()),
        }
        self.shape[axis] += other.shape[axis];
        Ok(())
    }
}

/// Rows of `a` and `b` in turn.
fn interleave<T: Copy>(a: &mut Vec<T>, b: &[T], (in_a, in_b): (usize, usize)) {
    let rows = a.chunks(in_a.max(1)).zip(b.chunks(in_b.max(1)));
    *a = rows.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
}

/// Reads a float tensor back to the host, row-major.
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

/// Reads an integer tensor back to the host, row-major.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_name_are_joined_along_their_axis() {
        let mut trace = Trace::enabled();
        trace.stacked("x", 1, &[2, 1], || TraceValues::ids(&[1, 3]));
        trace.stacked("x", 1, &[2, 1], || TraceValues::ids(&[2, 4]));
        let tensors = futures_lite::future::block_on(trace.into_tensors()).unwrap();
        let joined = TraceTensor { shape: vec![2, 2], values: TraceValues::I32(vec![1, 2, 3, 4]) };
        assert_eq!(tensors, [("x".to_owned(), joined)]);
    }
}
