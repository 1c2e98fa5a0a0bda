//! Work that shows the most a device can do, to measure the model against.

use atelier_shaders::{PackedRef, RowPrecision};
use atelier_weights::Scheme;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::readback::read_floats;

/// Reads and writes memory, and does nothing else.
#[derive(Debug)]
pub struct CopyProbe {
    numbers: Tensor<1>,
}

/// Multiplies two square matrices.
#[derive(Debug)]
pub struct MatmulProbe {
    a: Tensor<2>,
    b: Tensor<2>,
    /// `b` as a pack stores it, in f16.
    codes: Tensor<2, Int>,
    scales: Tensor<2, Int>,
    zeros: Tensor<1>,
}

impl CopyProbe {
    /// So many numbers of 4 bytes.
    pub fn new(numbers: usize, device: &Device) -> Self {
        Self { numbers: Tensor::zeros([numbers], device) }
    }

    /// Reads all of them and writes as many, and waits for the last. Returns the bytes that were moved.
    ///
    /// # Errors
    /// The device fails, or has not done it: a buffer that it cannot bind is no error everywhere.
    pub async fn run(&self) -> Result<u64> {
        let copy = self.numbers.clone().add_scalar(1.0);
        let [numbers] = copy.dims();
        let last = read_floats(copy.narrow(0, numbers - 1, 1)).await?;
        if last != [1.0] {
            return Err(Error::Compute(format!(
                "expected a copy of {numbers} numbers to end in 1, found {last:?}"
            )));
        }
        Ok(8 * numbers as u64)
    }
}

impl MatmulProbe {
    /// Matrices of `side` rows and columns, a multiple of 32.
    pub fn new(side: usize, device: &Device) -> Self {
        let a = Tensor::ones([side, side], device);
        let words = vec![0x3c00_3c00_i32; side * side / Scheme::F16.codes_per_word()];
        let words = TensorData::new(words, [side, side / Scheme::F16.codes_per_word()]);
        let scales = TensorData::new(vec![0_i32; side], [side, 1]);
        Self {
            b: a.clone(),
            a,
            codes: Tensor::from_data(words, (device, DType::I32)),
            scales: Tensor::from_data(scales, (device, DType::I32)),
            zeros: Tensor::zeros([side], device),
        }
    }

    /// burn's own product in f32. Returns the floating-point operations.
    ///
    /// # Errors
    /// The device fails.
    pub fn run_dense(&self) -> Result<f64> {
        let product = self.a.clone().matmul(self.b.clone().transpose());
        self.done(&product)
    }

    /// The product with packed f16 weights.
    ///
    /// # Errors
    /// The device fails.
    pub fn run_packed(&self) -> Result<f64> {
        let b = PackedRef { codes: &self.codes, scales: &self.scales, scheme: Scheme::F16 };
        let product = atelier_shaders::mul_mat(self.a.clone(), b, self.zeros.clone(), RowPrecision::Rounded);
        self.done(&product)
    }

    fn done(&self, product: &Tensor<2>) -> Result<f64> {
        sync(&product.device())?;
        let [side, _] = product.dims();
        Ok(2.0 * (side as f64).powi(3))
    }
}

fn sync(device: &Device) -> Result<()> {
    device.sync().map_err(|error| Error::Compute(error.to_string()))
}
