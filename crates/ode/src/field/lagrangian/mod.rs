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
//! **Products.** With v the cotangent of a and µ = M⁻¹v, vᵀda = dS where
//! S = µ·c − µᵀMa with µ and a held fixed. S is bilinear in Λ and its changes P along µ and Q along w:
//!
//! S = (Pᵀw)·(Λᵀw) − (Qᵀµ)·(Λᵀw) − (Λᵀµ)·(Qᵀw) − V̇_µ − µ·(d∘w) − (Λᵀµ)·(Λᵀa) − εµ·a,
//!
//! and its derivatives with respect to Λ, P, Q are pulled back through the network and its changes
//! (the module `curvature`).
//!
//! **Parameters**: the network's; then ρ `[m]` with friction.
//! **Tape**: the network's, its outputs, a `[m]`.

mod inertia;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Role;

use self::inertia::{Diagonal, Triangle};
use super::activation::Activation;
use super::curvature::Change;
use super::hamiltonian::FIRST_FRICTION;
use super::mlp::{Mlp, MlpField, empty_layer};
use super::motion::{Acceleration, Motion, Place, Velocities};
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
struct Lagrangian {
    m: usize,
    network: Mlp,
    dissipation: bool,
}

/// What the network says of one place.
struct Seen<'a> {
    own: &'a [f64],
    tape: &'a [f64],
    /// Λ.
    lower: Triangle,
    diagonal: Diagonal,
    w: &'a [f64],
    /// `[m]`: d.
    friction: Vec<f64>,
}

impl Lagrangian {
    fn n_outputs(&self) -> usize {
        self.m * (self.m + 1) / 2 + 1
    }

    fn own<'a>(&self, parameters: &'a [f64]) -> &'a [f64] {
        &parameters[..self.network.n_parameters()]
    }

    fn friction(&self, parameters: &[f64]) -> Vec<f64> {
        if self.dissipation {
            parameters[self.network.n_parameters()..].iter().map(|rho| rho.exp()).collect()
        } else {
            vec![0.0; self.m]
        }
    }

    fn seen<'a>(&self, parameters: &'a [f64], w: &'a [f64], tape: &'a [f64]) -> Seen<'a> {
        let (tape, rest) = tape.split_at(self.network.tape_len());
        let (lower, diagonal) = Diagonal::of(self.m, &rest[..self.n_outputs()]);
        Seen { own: self.own(parameters), tape, lower, diagonal, w, friction: self.friction(parameters) }
    }

    /// The change of Λ along a direction, and that of the outputs.
    fn change(&self, seen: &Seen<'_>, along: &[f64]) -> (Triangle, Vec<f64>) {
        let mut outputs = vec![0.0; self.n_outputs()];
        self.network.jvp(seen.own, 0.0, &[], seen.tape, along, &mut outputs);
        let mut entries = outputs.clone();
        seen.diagonal.scale(&mut entries);
        (Triangle::new(self.m, &entries), outputs)
    }

    /// c.
    fn force(&self, seen: &Seen<'_>) -> Vec<f64> {
        let w = seen.w;
        let (sideways, (change, _)) = (seen.lower.transpose_times(w), self.change(seen, w));
        let mut outputs_bar = vec![0.0; self.n_outputs()];
        outputs_bar[self.n_outputs() - 1] = -1.0;
        Triangle::add_outer(&mut outputs_bar, 1.0, w, &sideways);
        seen.diagonal.scale(&mut outputs_bar);
        let mut force = vec![0.0; self.m];
        self.network.input_gradient(seen.own, seen.tape, &outputs_bar, &mut force);
        let (one, other) = (change.times(&sideways), seen.lower.times(&change.transpose_times(w)));
        for (i, c) in force.iter_mut().enumerate() {
            *c -= one[i] + other[i] + seen.friction[i] * w[i];
        }
        force
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
        let seen = self.seen(parameters, at.w, tape);
        a.copy_from_slice(&seen.lower.solve_inertia(&self.force(&seen)));
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
        let (seen, w) = (self.seen(parameters, at.w, tape), at.w);
        let a = &tape[self.network.tape_len() + self.n_outputs()..];
        let lower = &seen.lower;
        let mu = lower.solve_inertia(cotangent);
        let ((p, outputs_along_mu), (q, outputs_along_w)) = (self.change(&seen, &mu), self.change(&seen, w));
        let (lower_w, lower_mu, lower_a) =
            (lower.transpose_times(w), lower.transpose_times(&mu), lower.transpose_times(a));
        let (p_w, q_mu, q_w) = (p.transpose_times(w), q.transpose_times(&mu), q.transpose_times(w));

        let n = self.n_outputs();
        let (mut of_value, mut of_p, mut of_q) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for (sign, y, x) in
            [(1.0, w, &p_w), (-1.0, w, &q_mu), (-1.0, &mu, &q_w), (-1.0, &mu, &lower_a), (-1.0, a, &lower_mu)]
        {
            Triangle::add_outer(&mut of_value, sign, y, x);
        }
        Triangle::add_outer(&mut of_p, 1.0, w, &lower_w);
        Triangle::add_outer(&mut of_q, -1.0, &mu, &lower_w);
        Triangle::add_outer(&mut of_q, -1.0, w, &lower_mu);
        let diagonal = &seen.diagonal;
        diagonal.scale(&mut of_value);
        diagonal.add_bend(&of_p, &outputs_along_mu, &mut of_value);
        diagonal.add_bend(&of_q, &outputs_along_w, &mut of_value);
        diagonal.scale(&mut of_p);
        diagonal.scale(&mut of_q);
        of_p[n - 1] = -1.0;

        let terms = [p.times(&lower_w), lower.times(&p_w), lower.times(&q_mu), q.times(&lower_mu)];
        for (i, bar) in w_bar.iter_mut().enumerate() {
            *bar = terms[0][i] + terms[1][i] - terms[2][i] - terms[3][i] - mu[i] * seen.friction[i];
        }
        x_bar.fill(0.0);
        let (network_bar, friction_bar) = parameter_bar.split_at_mut(self.network.n_parameters());
        let along_mu = Change { along: &mu, value_bar: &of_value, change_bar: &of_p };
        self.network.change_gradient(seen.own, seen.tape, along_mu, x_bar, &mut [], Some(&mut *network_bar));
        let zeros = vec![0.0; n];
        let along_w = Change { along: w, value_bar: &zeros, change_bar: &of_q };
        self.network.change_gradient(seen.own, seen.tape, along_w, x_bar, w_bar, Some(network_bar));
        for (i, bar) in friction_bar.iter_mut().enumerate() {
            *bar -= mu[i] * seen.friction[i] * w[i];
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
