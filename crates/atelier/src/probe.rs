//! Work that shows the most a device can do, and single kernels, to measure the model against.
//!
//! What starts work does not wait for it: many launches and one [`sync`] tell how long one takes, where a read-back after each
//! would tell how long a read-back takes.

pub use atelier_shaders::check::{Checks, Only, in_use};
pub use atelier_shaders::hot::{Call, DENSE, Launch, Scale, calls};
use atelier_shaders::hot::{floats, numbers, words};
use atelier_shaders::{PackedRef, RowPrecision};
use atelier_weights::Scheme;
use burn::tensor::{Device, Int, Tensor};

use crate::error::{Error, Result};
use crate::readback::read_floats;

/// Waits until a device has done all that was started.
///
/// # Errors
/// The device fails.
pub fn sync(device: &Device) -> Result<()> {
    device.sync().map_err(|error| Error::Compute(error.to_string()))
}

/// Reads and writes memory, and does nothing else.
#[derive(Debug)]
pub struct CopyProbe {
    numbers: Tensor<1>,
    /// What a copy ends in.
    last: f32,
}

impl CopyProbe {
    /// So many random numbers of 4 bytes, at least 1.
    pub fn new(count: usize, device: &Device) -> Self {
        let last = numbers(count).last().copied().unwrap_or_default() + 1.0;
        Self { numbers: floats([count], device), last }
    }

    /// Starts to read all of them and to write as many. Returns the bytes that are moved.
    pub fn launch(&self) -> f64 {
        drop(self.copied());
        let [count] = self.numbers.dims();
        8.0 * count as f64
    }

    /// Checks that a device does it: a buffer that it cannot bind is no error everywhere.
    ///
    /// # Errors
    /// The device fails, or has not done it.
    pub async fn check(&self) -> Result<()> {
        let [count] = self.numbers.dims();
        let last = read_floats(self.copied().narrow(0, count - 1, 1)).await?;
        if last.iter().all(|last| (last - self.last).abs() <= 1e-6 * self.last.abs()) {
            return Ok(());
        }
        let expected = self.last;
        Err(Error::Compute(format!(
            "expected a copy of {count} numbers to end in {expected}, found {last:?}"
        )))
    }

    fn copied(&self) -> Tensor<1> {
        self.numbers.clone().add_scalar(1.0)
    }
}

/// Multiplies and adds in registers, and does nothing else.
#[derive(Debug)]
pub struct MultiplyAddProbe {
    pairs: Tensor<2>,
    steps: usize,
}

impl MultiplyAddProbe {
    /// With so many pairs of numbers, a multiple of 4, and so many steps for each.
    pub fn new(pairs: usize, steps: usize, device: &Device) -> Self {
        Self { pairs: floats([2, pairs], device), steps }
    }

    /// Starts it. Returns the floating-point operations.
    pub fn launch(&self) -> f64 {
        drop(atelier_shaders::multiply_add(self.pairs.clone(), self.steps));
        let [_, pairs] = self.pairs.dims();
        4.0 * (pairs * self.steps) as f64
    }
}

/// Next to nothing: a kernel of one workgroup.
#[derive(Debug)]
pub struct EmptyProbe {
    number: Tensor<1>,
}

impl EmptyProbe {
    /// One number.
    pub fn new(device: &Device) -> Self {
        Self { number: floats([1], device) }
    }

    /// Starts it.
    pub fn launch(&self) {
        drop(atelier_shaders::gelu_tanh(self.number.clone()));
    }
}

/// Multiplies two square matrices.
#[derive(Debug)]
pub struct MatmulProbe {
    a: Tensor<2>,
    b: Tensor<2>,
    /// One as a pack stores it, in f16.
    codes: Tensor<2, Int>,
    scales: Tensor<2, Int>,
    bias: Tensor<1>,
}

impl MatmulProbe {
    /// Random matrices of `side` rows and columns, a multiple of 32.
    pub fn new(side: usize, device: &Device) -> Self {
        let [a, b] = [(); 2].map(|()| floats([side, side], device));
        // From 1/2 to 1, and negative ones.
        let codes = words([side, side / Scheme::F16.codes_per_word()], 0x83ff_83ff, 0x3800_3800, device);
        Self { a, b, codes, scales: words([side, 1], 0, 0, device), bias: floats([side], device) }
    }

    /// Starts burn's own product in f32. Returns the floating-point operations.
    pub fn launch_dense(&self) -> f64 {
        drop(self.a.clone().matmul(self.b.clone().transpose()));
        self.operations()
    }

    /// Starts the product with packed f16 weights. Returns the floating-point operations.
    pub fn launch_packed(&self) -> f64 {
        let b = PackedRef { codes: &self.codes, scales: &self.scales, scheme: Scheme::F16 };
        drop(atelier_shaders::mul_mat(self.a.clone(), b, self.bias.clone(), RowPrecision::Rounded));
        self.operations()
    }

    fn operations(&self) -> f64 {
        let [side, _] = self.a.dims();
        2.0 * (side as f64).powi(3)
    }
}
