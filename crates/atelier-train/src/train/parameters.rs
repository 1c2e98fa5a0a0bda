//! The weights of one training, under their checkpoint names, with all that the optimiser remembers of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use atelier::weight_mapping::WeightSource;
use burn::module::{Param, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, AdjustLrFn, Muon, MuonConfig, Optimizer,
};
use burn::tensor::{DType, Device, FloatDType, Gradients, Tensor, TensorData};

use super::error::{Result, TrainError};
use super::files;
use crate::data::Random;

/// How a weight begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Initial {
    /// All of one value.
    Constant(f32),
    /// Normally distributed about zero.
    Normal {
        /// Standard deviation.
        std: f32,
    },
    /// These values, row-major.
    Values(Vec<f32>),
    /// As [`Initial::Normal`], and up to `std` the same for all weights of one `stream`.
    Shared {
        /// Standard deviation.
        std: f32,
        /// Which numbers.
        stream: u64,
    },
}

/// How a weight is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Steps of equal size in every direction of a matrix: for what lies between embedding and head.
    Muon,
    /// Steps by the sign and steadiness of each value's gradient.
    AdamW,
}

/// Decides by name and shape how a weight begins and is learned.
pub type Policy = fn(name: &str, shape: &[usize]) -> (Initial, Method);

/// Share of a step in the moving average of weights, once there were many.
const AVERAGE_RATE: f64 = 0.005;
const MOMENTUM: f64 = 0.95;

/// Named weights that modules are built from and gradients are applied to.
///
/// Modules are built anew for every step: [`WeightSource::tensor`] hands out the weight as it is now, tracked for
/// gradients after [`Parameters::track`], and makes it when it is asked for the first time.
///
/// Weights are kept in f32; modules get them in the device's default type, which may be shorter.
pub struct Parameters {
    device: Device,
    seed: u64,
    policy: Policy,
    entries: BTreeMap<String, Entry>,
    /// Given from outside for this step: tables that are computed from other weights.
    given: BTreeMap<String, Tensor<2>>,
    tracked: bool,
    averaged: bool,
    steps: u64,
    adam: AdamW,
    muon: Muon,
}

struct Entry {
    shape: Vec<usize>,
    method: Method,
    /// Flat, without tracking.
    value: Tensor<1>,
    /// The same, tracked, between [`Parameters::track`] and [`Parameters::step`].
    leaf: Option<Tensor<1>>,
    /// Flat moving average of `value`.
    average: Tensor<1>,
    first: Option<Tensor<1>>,
    second: Option<Tensor<1>>,
}

impl Parameters {
    /// An empty set on `device` (without automatic differentiation); weights are drawn from `seed`.
    pub fn new(device: &Device, seed: u64, policy: Policy) -> Self {
        let momentum = MomentumConfig { momentum: 0.0, dampening: 0.0, nesterov: false };
        Self {
            device: device.clone(),
            seed,
            policy,
            entries: BTreeMap::new(),
            given: BTreeMap::new(),
            tracked: false,
            averaged: false,
            steps: 0,
            adam: AdamWConfig::new().with_beta_2(0.99).with_epsilon(1e-8).with_weight_decay(0.0).build(),
            // Momentum is kept here, where it can be saved.
            muon: MuonConfig::new()
                .with_momentum(momentum)
                .with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW)
                .with_weight_decay(Some(WeightDecayConfig::new(0.02)))
                .build(),
        }
    }

    /// The device that modules are built on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Steps taken so far, those before a resumption included.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The number of learned values.
    pub fn count(&self) -> usize {
        self.entries.values().map(|entry| entry.shape.iter().product::<usize>()).sum()
    }

    /// From now until [`Parameters::step`] modules are built from tracked weights.
    pub fn track(&mut self) {
        self.tracked = true;
        self.averaged = false;
        for entry in self.entries.values_mut() {
            entry.leaf = Some(tracked(&entry.value));
        }
    }

    /// From now on modules are built from the moving average of the weights, untracked: for measuring and exporting.
    pub fn use_average(&mut self) {
        self.given.clear();
        self.tracked = false;
        self.averaged = true;
    }

    /// Takes over the averages of another training as first values, those whose names begin with `prefix`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn begin_with(&mut self, path: &Path, prefix: &str) -> Result<()> {
        let (tensors, _) = files::read_f32(path)?;
        let kept = tensors.into_iter().filter_map(|(key, tensor)| {
            let name = key.strip_prefix("average/")?;
            name.starts_with(prefix).then(|| (name.to_owned(), tensor))
        });
        for (name, (shape, values)) in kept {
            let length = values.len();
            let value = Tensor::from_data(TensorData::new(values, [length]), (&self.device, DType::F32));
            let method = (self.policy)(&name, &shape).1;
            let average = value.clone();
            let entry = Entry { shape, method, value, leaf: None, average, first: None, second: None };
            self.entries.insert(name, entry);
        }
        Ok(())
    }

    /// The matrix `name`, for tables that are not a checkpoint's but make one.
    pub fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Tensor<2> {
        self.entry(name, &shape).reshape(shape)
    }

    /// Has modules read `table` as `name` until the next [`Parameters::track`] or [`Parameters::use_average`].
    pub fn give(&mut self, name: &str, table: Tensor<2>) {
        self.given.insert(name.to_owned(), table);
    }

    /// One step against the gradients of a loss, scaled down to a norm of at most `clip`. Returns the norm.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] if the gradients are not finite; nothing has changed then.
    pub fn step(&mut self, mut gradients: Gradients, rate: f64, clip: f64) -> Result<f64> {
        let mut square = Tensor::<1>::zeros([1], (&self.device, DType::F32));
        let mut taken = Vec::with_capacity(self.entries.len());
        for (name, entry) in &mut self.entries {
            let Some(leaf) = entry.leaf.take() else { continue };
            if let Some(gradient) = leaf.grad_remove(&mut gradients) {
                let gradient = gradient.cast(FloatDType::F32);
                square = square + gradient.clone().square().sum();
                taken.push((name.clone(), gradient));
            }
        }
        let norm = f64::from(files::scalar(square)?).sqrt();
        if !norm.is_finite() {
            return Err(TrainError::Diverged { step: self.steps });
        }
        let scale = (clip / norm.max(1e-12)).min(1.0);
        self.steps += 1;
        // The first steps lead far away: their share is larger, so that they are soon forgotten.
        let average_rate = AVERAGE_RATE.max(10.0 / (self.steps as f64 + 10.0));
        for (name, gradient) in taken {
            let Some(entry) = self.entries.get_mut(&name) else { continue };
            let gradient = gradient.mul_scalar(scale);
            match entry.method {
                Method::AdamW => entry.adam(&self.adam, gradient, rate, self.steps),
                Method::Muon => entry.muon(&self.muon, gradient, rate),
            }
            entry.average = entry.average.clone().mul_scalar(1.0 - average_rate)
                + entry.value.clone().mul_scalar(average_rate);
        }
        self.tracked = false;
        self.given.clear();
        Ok(norm)
    }

    /// Starts the optimiser's memory afresh and the average at the weights: for a new stage.
    pub fn forget_momentum(&mut self) {
        for entry in self.entries.values_mut() {
            entry.first = None;
            entry.second = None;
        }
    }

    /// Writes everything that [`Parameters::load`] needs to go on as if nothing had happened, and how many samples were
    /// `seen`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path, seen: u64) -> Result<()> {
        let mut tensors = Vec::new();
        for (name, entry) in &self.entries {
            let mut keep = |kind: &str, tensor: &Tensor<1>| -> Result<()> {
                tensors.push((format!("{kind}/{name}"), entry.shape.clone(), files::values(tensor.clone())?));
                Ok(())
            };
            keep("value", &entry.value)?;
            keep("average", &entry.average)?;
            if let Some(first) = &entry.first {
                keep("first", first)?;
            }
            if let Some(second) = &entry.second {
                keep("second", second)?;
            }
        }
        let notes =
            [("steps", self.steps), ("seen", seen)].map(|(name, value)| (name.to_owned(), value.to_string()));
        files::write_f32(path, tensors, notes.into())
    }

    /// Reads what [`Parameters::save`] wrote; returns the file's notes.
    ///
    /// # Errors
    /// The file cannot be read or is not such a file.
    pub fn load(&mut self, path: &Path) -> Result<HashMap<String, String>> {
        let (tensors, notes) = files::read_f32(path)?;
        self.steps = notes.get("steps").and_then(|steps| steps.parse().ok()).unwrap_or(0);
        for (key, (shape, values)) in tensors {
            let Some((kind, name)) = key.split_once('/') else { continue };
            let length = values.len();
            let tensor =
                Tensor::<1>::from_data(TensorData::new(values, [length]), (&self.device, DType::F32));
            let method = (self.policy)(name, &shape).1;
            let entry = self.entries.entry(name.to_owned()).or_insert_with(|| Entry {
                shape,
                method,
                value: tensor.clone(),
                leaf: None,
                average: tensor.clone(),
                first: None,
                second: None,
            });
            match kind {
                "average" => entry.average = tensor,
                "first" => entry.first = Some(tensor),
                "second" => entry.second = Some(tensor),
                _ => entry.value = tensor,
            }
        }
        Ok(notes)
    }

    /// The weight as modules shall see it now; made if there is none yet.
    fn entry(&mut self, name: &str, shape: &[usize]) -> Tensor<1> {
        let (device, seed, policy) = (&self.device, self.seed, self.policy);
        let entry = self.entries.entry(name.to_owned()).or_insert_with(|| {
            let (initial, method) = policy(name, shape);
            let value = draw(initial, name, shape, seed, device);
            Entry {
                shape: shape.to_vec(),
                method,
                average: value.clone(),
                value,
                leaf: None,
                first: None,
                second: None,
            }
        });
        if self.tracked {
            let value = &entry.value;
            entry.leaf.get_or_insert_with(|| tracked(value)).clone()
        } else {
            // Untracked, yet with automatic differentiation: burn 0.22.1's own attention for LibTorch reads a mask the
            // wrong way round, and the differentiable one does not.
            working(if self.averaged { &entry.average } else { &entry.value }).autodiff()
        }
    }
}

impl Entry {
    fn adam(&mut self, adam: &AdamW, gradient: Tensor<1>, rate: f64, steps: u64) {
        let momentum = match (self.first.take(), self.second.take()) {
            (Some(moment_1), Some(moment_2)) => Some(AdamWState::new(AdaptiveMomentumState {
                time: usize::try_from(steps).unwrap_or(usize::MAX).saturating_sub(1).min(100_000),
                moment_1,
                moment_2,
                max_moment_2: None,
            })),
            _ => None,
        };
        let (value, state) = adam.step(rate, self.value.clone(), gradient, momentum);
        self.value = value;
        if let Some(state) = state {
            self.first = Some(state.momentum.moment_1);
            self.second = Some(state.momentum.moment_2);
        }
    }

    fn muon(&mut self, muon: &Muon, gradient: Tensor<1>, rate: f64) {
        let [rows, rest] = [self.shape[0], self.shape[1..].iter().product()];
        let velocity = match self.first.take() {
            Some(first) => first.mul_scalar(MOMENTUM) + gradient.clone(),
            None => gradient.clone(),
        };
        let ahead = gradient + velocity.clone().mul_scalar(MOMENTUM);
        let matrix = |tensor: Tensor<1>| tensor.reshape([rows, rest]);
        let (value, _) = muon.step(rate, matrix(self.value.clone()), matrix(ahead), None);
        self.value = value.reshape([rows * rest]);
        self.first = Some(velocity);
    }
}

/// In the type that modules compute in.
fn working(value: &Tensor<1>) -> Tensor<1> {
    let dtype = value.device().settings().float_dtype;
    value.clone().cast(dtype)
}

fn tracked(value: &Tensor<1>) -> Tensor<1> {
    working(value).autodiff().require_grad()
}

/// The first values of a weight; they depend on its name and the seed alone.
fn draw(initial: Initial, name: &str, shape: &[usize], seed: u64, device: &Device) -> Tensor<1> {
    let length: usize = shape.iter().product();
    let values: Vec<f32> = match initial {
        Initial::Constant(value) => vec![value; length],
        Initial::Normal { std } => {
            let stream = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            });
            normal(seed, stream, std, length)
        }
        Initial::Values(mut values) => {
            values.resize(length, 0.0);
            values
        }
        Initial::Shared { std, stream } => normal(seed, stream, std, length),
    };
    Tensor::from_data(TensorData::new(values, [length]), (device, DType::F32))
}

fn normal(seed: u64, stream: u64, std: f32, length: usize) -> Vec<f32> {
    let mut random = Random::new(seed, stream);
    (0..length).map(|_| std * random.normal()).collect()
}

impl WeightSource for Parameters {
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        stored: [usize; S],
        shape: [usize; D],
    ) -> atelier::Result<Param<Tensor<D>>> {
        let tensor = match self.given.get(name) {
            Some(table) => table.clone().reshape(shape),
            None => self.entry(name, &stored).reshape(shape),
        };
        Ok(Param::initialized(ParamId::new(), tensor))
    }

    fn unused(&mut self, _name: &str, _shape: &[usize]) {}

    fn alias(&mut self, _name: &str, _same_as: &str, _shape: &[usize]) {}
}
