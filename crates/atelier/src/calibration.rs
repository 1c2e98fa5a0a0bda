//! What goes into the matrices of a model, measured while it runs: how much an error in each column of a matrix counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

/// Squares of the inputs of every linear layer, summed up while a model runs. Clones share the sums.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    sums: Arc<Mutex<BTreeMap<String, Sums>>>,
}

/// Over all rows that a layer has seen.
#[derive(Debug, Clone, Default)]
struct Sums {
    squares: Vec<f64>,
    rows: usize,
}

impl Calibration {
    /// The mean square of each input column of the matrix `component/name`, relative to their mean; none for a matrix that
    /// nothing went into.
    pub fn importance(&self, name: &str) -> Vec<f32> {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Sums { squares, .. }) = sums.get(name).filter(|sums| sums.rows > 0) else {
            return Vec::new();
        };
        let mean = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
        // A column that was never used still wants a weight that is nearly right.
        squares.iter().map(|square| (square / mean.max(f64::MIN_POSITIVE)).max(1e-4) as f32).collect()
    }

    /// Matrices that something went into.
    pub fn measured(&self) -> usize {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What a layer reports its inputs to.
#[derive(Debug, Clone)]
pub struct Observer {
    /// The matrices that read these inputs.
    names: Vec<String>,
    calibration: Calibration,
}

impl Observer {
    /// For the matrix `component/name`.
    pub(crate) fn new(name: String, calibration: Calibration) -> Self {
        Self { names: vec![name], calibration }
    }

    /// For the matrices of both, which read the same inputs.
    pub(crate) fn join(self, other: Self) -> Self {
        Self { names: [self.names, other.names].concat(), ..self }
    }

    /// Adds rows of inputs. It waits for the device, so it is for programs that prepare a model, not for a page.
    ///
    /// # Shapes
    /// - x: `[rows, in]`
    pub(crate) fn see(&self, x: &Tensor<2>) {
        let [rows, columns] = x.dims();
        let squares = x.clone().square().sum_dim(0).into_data().try_to_vec::<f32>().unwrap_or_default();
        let mut sums = self.calibration.sums.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            let of = sums.entry(name.clone()).or_default();
            of.squares.resize(columns, 0.0);
            of.rows += rows;
            of.squares.iter_mut().zip(&squares).for_each(|(sum, &square)| *sum += f64::from(square));
        }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn columns_count_by_the_squares_that_go_in() {
        let calibration = Calibration::default();
        let observer = |name: &str| Observer::new(name.into(), calibration.clone());
        let rows = Tensor::from_floats([[1.0, 0.0, 3.0], [1.0, 0.0, 1.0]], &Device::flex());
        observer("a").join(observer("b")).see(&rows);
        // Squares are 2, 0 and 10: 4 on average.
        assert_eq!(calibration.importance("a"), [0.5, 1e-4, 2.5]);
        assert_eq!(calibration.importance("a"), calibration.importance("b"));
        assert_eq!((calibration.importance("c"), calibration.measured()), (vec![], 2));
    }
}
