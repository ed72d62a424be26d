//! A Lagrangian system whose inertia and potential are a network (`lagrangian`).
//!
//! L(x, w) = ½ wᵀM(x)w − V(x) with M = ΛΛᵀ + εI, Λ the lower triangle of the network's first
//! m(m + 1)/2 outputs, its diagonal made positive by a softplus, V its last output (M. Lutter,
//! C. Ritter, J. Peters, "Deep Lagrangian Networks", ICLR (2019), eq. 4–7). M is the identity where the
//! outputs are 0. The equations of motion are, with friction d = e^ρ if there is any,
//!
//! M a = c, c = ∇ₓ(½wᵀMw) − Ṁw − ∇V − d∘w, Ṁ = the change of M along w
//!
//! (there eq. 3). They have the same form in any units of x and t. L is known up to a factor
//! from trajectories alone, and so is the energy ½wᵀMw + V.
//!
//! The products of a's derivatives are in the module `equation`.
//!
//! **Parameters**: the network's; then ρ `[m]` with friction.
//! **Tape**: the network's, its outputs, a `[m]`.

mod equation;
mod inertia;
mod lanes;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Role;

use self::equation::{NetworkAt, Seen};
use self::inertia::{Diagonal, Triangle};
use self::lanes::LagrangianLanes;
use super::activation::Activation;
use super::curvature::Change;
use super::hamiltonian::FIRST_FRICTION;
use super::mlp::{Mlp, MlpField, empty_layer};
use super::motion::{Acceleration, Motion, Place, Velocities};
use super::motion_lanes::AccelerationLanes;
use super::{BuildField, ParameterBlock, Units, VectorField};
use crate::equations::Start;

/// A network is the inertia and the potential of positions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LagrangianField {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// Whether friction proportional to the velocities, with a trained coefficient for each, takes
    /// energy away.
    #[serde(default)]
    pub dissipation: bool,
    /// Where velocities come from.
    #[serde(default)]
    pub velocities: Velocities,
}

impl BuildField for LagrangianField {
    fn build(&self, dim: usize) -> Box<dyn VectorField> {
        self.motion(vec![1.0; dim / 2])
    }

    fn build_in(&self, units: &Units) -> Box<dyn VectorField> {
        self.motion(self.velocities.rates(units))
    }

    fn problem(&self) -> Option<String> {
        empty_layer(&self.hidden)
    }

    fn hidden_states(&self, n_columns: usize) -> Vec<Start> {
        self.velocities.hidden_states(n_columns)
    }

    fn misfit(&self, n_columns: usize) -> Option<String> {
        self.velocities.misfit("lagrangian", n_columns)
    }
}

impl LagrangianField {
    fn motion(&self, rates: Vec<f64>) -> Box<dyn VectorField> {
        let layers = MlpField { hidden: self.hidden.clone(), activation: self.activation, ..MlpField::default() };
        let m = rates.len();
        let network = Mlp::between(m, &layers, m * (m + 1) / 2 + 1);
        Box::new(Motion { acceleration: Lagrangian { m, network, dissipation: self.dissipation }, rates })
    }
}

/// The acceleration that follows from the network.
pub(super) struct Lagrangian {
    m: usize,
    network: Mlp,
    dissipation: bool,
}

impl Lagrangian {
    fn n_outputs(&self) -> usize {
        self.m * (self.m + 1) / 2 + 1
    }

    fn own<'a>(&self, parameters: &'a [f64]) -> &'a [f64] {
        &parameters[..self.network.n_parameters()]
    }

    /// `[m]`: d.
    fn friction(&self, parameters: &[f64]) -> Vec<f64> {
        if self.dissipation {
            parameters[self.network.n_parameters()..].iter().map(|rho| rho.exp()).collect()
        } else {
            vec![0.0; self.m]
        }
    }
}

/// The network at one place.
struct AtPlace<'a> {
    network: &'a Mlp,
    own: &'a [f64],
    tape: &'a [f64],
    /// Where its gradient goes, if anywhere.
    parameter_bar: Option<&'a mut [f64]>,
}

impl NetworkAt<f64> for AtPlace<'_> {
    fn change(&mut self, along: &[f64], outputs: &mut [f64]) {
        self.network.jvp(self.own, 0.0, &[], self.tape, along, outputs);
    }

    fn input_gradient(&mut self, outputs_bar: &[f64], x_bar: &mut [f64]) {
        self.network.input_gradient(self.own, self.tape, outputs_bar, x_bar);
    }

    fn change_gradient(&mut self, of: Change<'_>, x_bar: &mut [f64], along_bar: &mut [f64]) {
        self.network.change_gradient(self.own, self.tape, of, x_bar, along_bar, self.parameter_bar.as_deref_mut());
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Acceleration for Lagrangian {
    fn blocks(&self) -> Vec<ParameterBlock> {
        let friction = ParameterBlock { name: "log_friction".into(), shape: vec![self.m], role: Role::Bias };
        self.network.blocks().into_iter().chain(self.dissipation.then_some(friction)).collect()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        let mut parameters = self.network.initial_parameters(seed);
        if self.dissipation {
            parameters.resize(parameters.len() + self.m, FIRST_FRICTION.ln());
        }
        parameters
    }

    fn tape_len(&self) -> usize {
        self.network.tape_len() + self.n_outputs() + self.m
    }

    fn evaluate(&self, parameters: &[f64], at: Place<'_>, a: &mut [f64], tape: &mut [f64]) {
        let (own, outputs) = tape.split_at_mut(self.network.tape_len());
        self.network.rhs(self.own(parameters), 0.0, at.x, &mut outputs[..self.n_outputs()], own);
        let (own, rest) = tape.split_at(self.network.tape_len());
        let friction = self.friction(parameters);
        let seen = Seen::new(self.m, &rest[..self.n_outputs()], at.w, &friction);
        let network = AtPlace { network: &self.network, own: self.own(parameters), tape: own, parameter_bar: None };
        seen.acceleration(network, a);
        tape[self.network.tape_len() + self.n_outputs()..].copy_from_slice(a);
    }

    fn vjp(
        &self,
        parameters: &[f64],
        at: Place<'_>,
        tape: &[f64],
        cotangent: &[f64],
        (x_bar, w_bar): (&mut [f64], &mut [f64]),
        parameter_bar: &mut [f64],
    ) {
        let (own, rest) = tape.split_at(self.network.tape_len());
        let (outputs, a) = rest.split_at(self.n_outputs());
        let friction = self.friction(parameters);
        let seen = Seen::new(self.m, outputs, at.w, &friction);
        let (network_bar, friction_bar) = parameter_bar.split_at_mut(self.network.n_parameters());
        let network =
            AtPlace { network: &self.network, own: self.own(parameters), tape: own, parameter_bar: Some(network_bar) };
        let mu = seen.pull_back(network, a, cotangent, x_bar, w_bar);
        for (i, bar) in friction_bar.iter_mut().enumerate() {
            *bar -= mu[i] * friction[i] * at.w[i];
        }
    }

    /// Row by row from the products with unit vectors.
    fn jvp(
        &self,
        parameters: &[f64],
        at: Place<'_>,
        tape: &[f64],
        (x_dot, w_dot): (&[f64], &[f64]),
        a_dot: &mut [f64],
    ) {
        let (mut x_bar, mut w_bar) = (vec![0.0; self.m], vec![0.0; self.m]);
        let mut unused = vec![0.0; parameters.len()];
        for (i, a_dot) in a_dot.iter_mut().enumerate() {
            let unit: Vec<f64> = (0..self.m).map(|k| f64::from(u8::from(k == i))).collect();
            self.vjp(parameters, at, tape, &unit, (&mut x_bar, &mut w_bar), &mut unused);
            *a_dot = dot(&x_bar, x_dot) + dot(&w_bar, w_dot);
        }
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Box<dyn AccelerationLanes + 'a> {
        Box::new(LagrangianLanes::new(self, parameters))
    }

    fn energy(
        &self,
        parameters: &[f64],
        at: Place<'_>,
        cotangent: f64,
        (x_bar, w_bar): (&mut [f64], &mut [f64]),
        parameter_bar: &mut [f64],
    ) -> Option<f64> {
        let (own, w) = (self.own(parameters), at.w);
        let (mut outputs, mut tape) = (vec![0.0; self.n_outputs()], vec![0.0; self.network.tape_len()]);
        self.network.rhs(own, 0.0, at.x, &mut outputs, &mut tape);
        let potential = outputs[self.n_outputs() - 1];
        let (lower, diagonal) = Diagonal::of(self.m, &outputs);
        let momentum = lower.inertia_times(w);
        let mut outputs_bar = vec![0.0; self.n_outputs()];
        Triangle::add_outer(&mut outputs_bar, cotangent, w, &lower.transpose_times(w));
        diagonal.scale(&mut outputs_bar);
        outputs_bar[self.n_outputs() - 1] = cotangent;
        let mut bar = vec![0.0; self.m];
        let network_bar = &mut parameter_bar[..self.network.n_parameters()];
        self.network.vjp(own, 0.0, &[], &tape, &outputs_bar, &mut bar, network_bar);
        x_bar.iter_mut().zip(&bar).for_each(|(sum, bar)| *sum += bar);
        w_bar.iter_mut().zip(&momentum).for_each(|(sum, p)| *sum += cotangent * p);
        Some(0.5 * dot(w, &momentum) + potential)
    }

    fn has_energy(&self) -> bool {
        true
    }
}
