//! Adam with decoupled weight decay (Loshchilov & Hutter 2019, Algorithm 2):
//!
//! m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ),
//! θ ← θ − η(m̂/(√v̂ + ε) + λθ), the decay for weights only.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Parameter, Role};

use super::adamw_update::Update;
use super::{Method, Optimizer, StepRule};

/// Adam with decoupled weight decay.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    /// η, before the schedule.
    pub learning_rate: f64,
    /// β₁.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// β₂.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// ε.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// λ, on weights; biases, embeddings and scales are left alone.
    #[serde(default)]
    pub weight_decay: f64,
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

impl Optimizer for AdamW {
    fn method(&self) -> Method<'_> {
        Method::StepRule(self)
    }

    fn problem(&self) -> Option<String> {
        let unit =
            |name: &str, x: f64| (!(0.0..1.0).contains(&x)).then(|| format!("`{name}` must be in [0, 1), found {x}"));
        let positive =
            |name: &str, x: f64| (!(x > 0.0 && x.is_finite())).then(|| format!("`{name}` must be positive, found {x}"));
        positive("learning_rate", self.learning_rate)
            .or_else(|| unit("beta1", self.beta1))
            .or_else(|| unit("beta2", self.beta2))
            .or_else(|| positive("epsilon", self.epsilon))
            .or_else(|| {
                (!(self.weight_decay >= 0.0))
                    .then(|| format!("`weight_decay` must not be negative, found {}", self.weight_decay))
            })
    }
}

impl AdamW {
    /// 1 − β₁ᵗ and 1 − β₂ᵗ.
    fn corrections(&self, step: u64) -> (f64, f64) {
        (1.0 - self.beta1.powf(step as f64), 1.0 - self.beta2.powf(step as f64))
    }
}

impl StepRule for AdamW {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn start(&self, parameters: &[Parameter]) -> Result<Vec<Tensor>> {
        parameters.iter().flat_map(|p| [p.var.zeros_like(), p.var.zeros_like()]).collect()
    }

    fn step(
        &self,
        parameters: &[Parameter],
        gradient: &[Tensor],
        memory: &mut [Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<()> {
        let (correction1, correction2) = self.corrections(step);
        for ((parameter, g), moments) in parameters.iter().zip(gradient).zip(memory.chunks_exact_mut(2)) {
            let [m, v] = moments else { continue };
            let decay = if parameter.role == Role::Weight { learning_rate * self.weight_decay } else { 0.0 };
            let update = Update {
                beta1: self.beta1,
                beta2: self.beta2,
                correction2: 1.0 / correction2,
                epsilon: self.epsilon,
                rate: learning_rate / correction1,
                kept: 1.0 - decay,
            };
            update.apply(&parameter.var, &g.contiguous()?, m, v)?;
        }
        Ok(())
    }

    fn step_sizes(
        &self,
        _parameters: &[Parameter],
        memory: &[Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<Vec<Tensor>> {
        let (correction1, correction2) = self.corrections(step);
        let size = |v: &Tensor| {
            v.affine(1.0 / correction2, 0.0)?
                .sqrt()?
                .affine(1.0, self.epsilon)?
                .recip()?
                .affine(learning_rate / correction1, 0.0)
        };
        memory.chunks_exact(2).map(|moments| size(&moments[1])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use surprisal_core::Parameters;

    /// The algorithm again, on plain numbers.
    #[test]
    fn five_steps_agree_with_the_scalar_algorithm() {
        let adamw = AdamW { learning_rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.05 };
        let mut set = Parameters::new();
        for (name, role) in [("w", Role::Weight), ("b", Role::Bias)] {
            set.add_values(name, role, vec![1.0, -2.0], &[2], DType::F64, &Device::Cpu).unwrap();
        }
        let parameters: Vec<Parameter> = set.iter().cloned().collect();
        let mut memory = adamw.start(&parameters).unwrap();
        let mut expected = [[1.0, -2.0], [1.0, -2.0]];
        let mut moments = [[[0.0f64; 2]; 2]; 2];
        for step in 1..=5u64 {
            let gradient: Vec<Tensor> =
                parameters.iter().map(|p| p.var.as_tensor().affine(2.0, 0.3).unwrap()).collect();
            for (which, theta) in expected.iter_mut().enumerate() {
                for i in 0..2 {
                    let g = 2.0 * theta[i] + 0.3;
                    let [m, v] = &mut moments[which][i];
                    *m = 0.9 * *m + 0.1 * g;
                    *v = 0.99 * *v + 0.01 * g * g;
                    let update = (*m / (1.0 - 0.9f64.powf(step as f64)))
                        / ((*v / (1.0 - 0.99f64.powf(step as f64))).sqrt() + 1e-8);
                    let decay = if which == 0 { 0.05 } else { 0.0 };
                    theta[i] -= 0.1 * (update + decay * theta[i]);
                }
            }
            adamw.step(&parameters, &gradient, &mut memory, 0.1, step).unwrap();
        }
        for (p, theta) in parameters.iter().zip(expected) {
            for (a, b) in p.var.to_vec1::<f64>().unwrap().iter().zip(theta) {
                assert!((a - b).abs() < 1e-12, "{} {a} {b}", p.name);
            }
        }
    }
}
