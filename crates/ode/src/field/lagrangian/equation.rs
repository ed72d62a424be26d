//! The equations of motion and their derivatives, of one place or of eight.
//!
//! With v the cotangent of a and µ = M⁻¹v, vᵀda = dS where
//! S = µ·c − µᵀMa with µ and a held fixed. S is bilinear in Λ and its changes P along µ and Q along w:
//!
//! S = (Pᵀw)·(Λᵀw) − (Qᵀµ)·(Λᵀw) − (Λᵀµ)·(Qᵀw) − V̇_µ − µ·(d∘w) − (Λᵀµ)·(Λᵀa) − εµ·a,
//!
//! and its derivatives with respect to Λ, P, Q are pulled back through the network and its changes
//! (the module `curvature`).
//!

use surprisal_expr::Lane;

use super::super::curvature::Change;
use super::inertia::{Diagonal, Triangle};

/// The network at a place.
///
/// # Shapes
/// `along`, `x_bar` and `along_bar` `[m]`, `outputs` and `outputs_bar` `[n_outputs]`.
pub(super) trait NetworkAt<L> {
    /// Change of the outputs along a direction.
    fn change(&mut self, along: &[L], outputs: &mut [L]);

    /// `x_bar` from the cotangents of the outputs.
    fn input_gradient(&mut self, outputs_bar: &[L], x_bar: &mut [L]);

    /// Adds the gradient of a·N + c·Ṅ to `x_bar`, to `along_bar` where it is not empty, and to that of the
    /// parameters.
    fn change_gradient(&mut self, of: Change<'_, L>, x_bar: &mut [L], along_bar: &mut [L]);
}

/// What the network says of a place.
pub(super) struct Seen<'a, L> {
    m: usize,
    n_outputs: usize,
    /// Λ.
    lower: Triangle<L>,
    diagonal: Diagonal<L>,
    w: &'a [L],
    /// `[m]`: d.
    friction: &'a [f64],
}

impl<'a, L: Lane> Seen<'a, L> {
    #[inline(always)]
    pub(super) fn new(m: usize, outputs: &[L], w: &'a [L], friction: &'a [f64]) -> Self {
        let (lower, diagonal) = Diagonal::of(m, outputs);
        Self { m, n_outputs: outputs.len(), lower, diagonal, w, friction }
    }

    /// The change of Λ along a direction, and that of the outputs.
    #[inline(always)]
    fn change(&self, network: &mut impl NetworkAt<L>, along: &[L]) -> (Triangle<L>, Vec<L>) {
        let mut outputs = self.zeros();
        network.change(along, &mut outputs);
        let mut entries = outputs.clone();
        self.diagonal.scale(&mut entries);
        (Triangle::new(self.m, &entries), outputs)
    }

    /// `[n_outputs]`.
    #[inline(always)]
    fn zeros(&self) -> Vec<L> {
        vec![L::splat(0.0); self.n_outputs]
    }

    /// `a` = M⁻¹c.
    #[inline(always)]
    pub(super) fn acceleration(&self, mut network: impl NetworkAt<L>, a: &mut [L]) {
        let w = self.w;
        let (sideways, (change, _)) = (self.lower.transpose_times(w), self.change(&mut network, w));
        let mut outputs_bar = self.zeros();
        outputs_bar[self.n_outputs - 1] = L::splat(-1.0);
        Triangle::add_outer(&mut outputs_bar, 1.0, w, &sideways);
        self.diagonal.scale(&mut outputs_bar);
        let mut force = vec![L::splat(0.0); self.m];
        network.input_gradient(&outputs_bar, &mut force);
        let (one, other) = (change.times(&sideways), self.lower.times(&change.transpose_times(w)));
        for (i, c) in force.iter_mut().enumerate() {
            let d = self.friction[i];
            *c = c.zip3(one[i], other[i], |c, one, other| c - (one + other)).zip(w[i], |c, w| c - d * w);
        }
        a.copy_from_slice(&self.lower.solve_inertia(&force));
    }

    /// Overwrites the bars of x and w, adds to that of the network's parameters, and returns µ.
    #[inline(always)]
    pub(super) fn pull_back(
        &self,
        mut network: impl NetworkAt<L>,
        a: &[L],
        cotangent: &[L],
        x_bar: &mut [L],
        w_bar: &mut [L],
    ) -> Vec<L> {
        let (lower, w) = (&self.lower, self.w);
        let mu = lower.solve_inertia(cotangent);
        let ((p, outputs_along_mu), (q, outputs_along_w)) =
            (self.change(&mut network, &mu), self.change(&mut network, w));
        let (lower_w, lower_mu, lower_a) =
            (lower.transpose_times(w), lower.transpose_times(&mu), lower.transpose_times(a));
        let (p_w, q_mu, q_w) = (p.transpose_times(w), q.transpose_times(&mu), q.transpose_times(w));

        let (mut of_value, mut of_p, mut of_q) = (self.zeros(), self.zeros(), self.zeros());
        for (sign, y, x) in
            [(1.0, w, &p_w), (-1.0, w, &q_mu), (-1.0, &mu, &q_w), (-1.0, &mu, &lower_a), (-1.0, a, &lower_mu)]
        {
            Triangle::add_outer(&mut of_value, sign, y, x);
        }
        Triangle::add_outer(&mut of_p, 1.0, w, &lower_w);
        Triangle::add_outer(&mut of_q, -1.0, &mu, &lower_w);
        Triangle::add_outer(&mut of_q, -1.0, w, &lower_mu);
        let diagonal = &self.diagonal;
        diagonal.scale(&mut of_value);
        diagonal.add_bend(&of_p, &outputs_along_mu, &mut of_value);
        diagonal.add_bend(&of_q, &outputs_along_w, &mut of_value);
        diagonal.scale(&mut of_p);
        diagonal.scale(&mut of_q);
        of_p[self.n_outputs - 1] = L::splat(-1.0);

        let terms = [p.times(&lower_w), lower.times(&p_w), lower.times(&q_mu), q.times(&lower_mu)];
        for (i, bar) in w_bar.iter_mut().enumerate() {
            let rising = terms[0][i].zip(terms[1][i], |a, b| a + b);
            let falling = terms[2][i].zip(terms[3][i], |a, b| a + b);
            let d = self.friction[i];
            *bar = rising.zip3(falling, mu[i], |rising, falling, mu| rising - falling - mu * d);
        }
        x_bar.fill(L::splat(0.0));
        let along_mu = Change { along: &mu, value_bar: &of_value, change_bar: &of_p };
        network.change_gradient(along_mu, x_bar, &mut []);
        let zeros = self.zeros();
        let along_w = Change { along: w, value_bar: &zeros, change_bar: &of_q };
        network.change_gradient(along_w, x_bar, w_bar);
        mu
    }
}
