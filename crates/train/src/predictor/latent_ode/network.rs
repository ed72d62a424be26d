//! Encoder and decoder: multilayer perceptrons with their products ([`surprisal_ode::field::mlp`]).
//!
//! Initial weights are uniform on ±√(6/(in + out)) (Glorot & Bengio 2010, eq. 16), biases 0.

use surprisal_core::rng;
use surprisal_ode::{Mlp, ParameterBlock, VectorField};

use super::config::NetworkShape;

/// A perceptron between any numbers of inputs and outputs.
#[derive(Debug)]
pub(super) struct Network {
    mlp: Mlp,
    n_outputs: usize,
}

/// What its reverse pass needs of one evaluation.
pub(super) struct Evaluated {
    pub(super) output: Vec<f64>,
    tape: Vec<f64>,
}

impl Network {
    pub(super) fn new(shape: &NetworkShape, n_inputs: usize, n_outputs: usize) -> Self {
        Self { mlp: Mlp::between(n_inputs, &shape.as_field(), n_outputs), n_outputs }
    }

    pub(super) fn blocks(&self) -> Vec<ParameterBlock> {
        self.mlp.blocks()
    }

    /// `[p]`, of the seed and the purpose alone.
    pub(super) fn initial(&self, seed: u64, purpose: &str) -> Vec<f64> {
        let mut parameters = vec![];
        for (k, block) in self.blocks().iter().enumerate() {
            let mut stream = rng::stream(seed, purpose, k as u64);
            match block.shape[..] {
                [n_out, n_in] => {
                    let bound = (6.0 / (n_in + n_out) as f64).sqrt();
                    parameters.extend((0..block.len()).map(|_| bound * (2.0 * rng::uniform(&mut stream) - 1.0)));
                }
                _ => parameters.extend(std::iter::repeat_n(0.0, block.len())),
            }
        }
        parameters
    }

    /// # Shapes
    /// `parameters` `[p]`, `input` `[n_inputs]`; the output is `[n_outputs]`.
    pub(super) fn evaluate(&self, parameters: &[f64], input: &[f64]) -> Evaluated {
        let (mut output, mut tape) = (vec![0.0; self.n_outputs], vec![0.0; self.mlp.tape_len()]);
        self.mlp.rhs(parameters, 0.0, input, &mut output, &mut tape);
        Evaluated { output, tape }
    }

    /// The cotangent of the input `[n_inputs]` from that of the output `[n_outputs]`; adds to
    /// `parameter_bar` `[p]`.
    pub(super) fn pull_back(
        &self,
        parameters: &[f64],
        at: &Evaluated,
        output_bar: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        let mut input_bar = vec![0.0; self.mlp.dim()];
        self.mlp.vjp(parameters, 0.0, &[], &at.tape, output_bar, &mut input_bar, parameter_bar);
        input_bar
    }
}
