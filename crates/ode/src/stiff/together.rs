//! Newton's method for all stages of a step at once, one stage per lane.
//!
//! From guesses of all stages, f and J are evaluated at all of them together. The linearised equations are
//! triangular in the stages, so each sweep solves them one stage after the other: with the slopes
//! kⱼ = (Yⱼ − rⱼ)/hγ of the stages that were updated before,
//!
//! rᵢ = y + h Σ_{j<i} aᵢⱼ kⱼ, (I − hγJᵢ) dᵢ = rᵢ + hγ f(Yᵢ) − Yᵢ, Yᵢ ← Yᵢ + dᵢ,
//!
//! where kⱼ is f(Yⱼ) + Jⱼdⱼ: Newton's method for the system of all stages.

use super::convergence::{CHORDS, Convergence, FAST};
use super::lane_lu::LaneLu;
use super::tableau::Tableau;
use super::tape::known_part;
use crate::field::lanes::{LANES, LaneField, Row};

/// Beyond these the stages are solved one by one, whose guesses are better.
const MAX_SWEEPS: usize = 6;

/// A field with what its evaluations at all stages write to.
pub(super) struct Together<'a> {
    field: Box<dyn LaneField + 'a>,
    n: usize,
    t: Row,
    /// `[n]`
    y: Vec<Row>,
    slope: Vec<Row>,
    tape: Vec<Row>,
    /// `[n, n]`
    jacobian: Vec<Row>,
    lu: LaneLu,
    update: Vec<f64>,
    known: Vec<f64>,
}

impl<'a> Together<'a> {
    pub(super) fn new(field: Box<dyn LaneField + 'a>, n: usize) -> Self {
        let rows = |length| vec![Row::ZERO; length];
        let tape = rows(field.tape_rows());
        Self {
            field,
            n,
            t: Row::ZERO,
            y: rows(n),
            slope: rows(n),
            tape,
            jacobian: rows(n * n),
            lu: LaneLu::new(n),
            update: vec![0.0; n],
            known: vec![0.0; n],
        }
    }

    /// Solves for all stages of a step of `h` from t. `stages` begins with the state and goes on with guesses,
    /// and becomes the stages; `slopes` becomes theirs; `norm` is the scaled norm of an update. The number of
    /// evaluations, or `None` where Newton's method does not converge.
    ///
    /// # Shapes
    /// `stages`, `slopes` `[s, n]`.
    pub(super) fn solve(
        &mut self,
        (t, h): (f64, f64),
        tableau: &Tableau,
        stages: &mut [f64],
        slopes: &mut [f64],
        norm: impl Fn(&[f64]) -> f64,
    ) -> Option<usize> {
        let (n, s, h_gamma) = (self.n, tableau.n_stages(), h * tableau.gamma);
        // lanes behind the last stage do the first once more
        self.t = Row(std::array::from_fn(|l| t + h * tableau.c.get(l).copied().unwrap_or(0.0)));
        let mut convergence = Convergence::default();
        for sweep in 1..=MAX_SWEEPS {
            for (j, row) in self.y.iter_mut().enumerate() {
                *row = Row(std::array::from_fn(|l| stages[if l < s { l } else { 0 } * n + j]));
            }
            self.field.rhs(&self.t, &self.y, &mut self.slope, &mut self.tape);
            let is_new = sweep == 1 || sweep > CHORDS + 1 || convergence.rate > FAST;
            if is_new {
                self.field.jacobian(&self.tape, &mut self.jacobian);
                self.lu.factor(&Row::splat(h_gamma), &self.jacobian);
            }
            slopes[..n].iter_mut().zip(&self.slope).for_each(|(k, row)| *k = row.0[0]);
            let mut size = 0.0_f64;
            let (start, later) = stages.split_at_mut(n);
            for (i, stage) in (1..s).zip(later.chunks_exact_mut(n)) {
                known_part(tableau, start, h, i, slopes, &mut self.known);
                for (j, update) in self.update.iter_mut().enumerate() {
                    *update = self.known[j] + h_gamma * self.slope[j].0[i] - stage[j];
                }
                self.lu.solve(i, &mut self.update);
                for (j, k) in slopes[i * n..][..n].iter_mut().enumerate() {
                    stage[j] += self.update[j];
                    // unlike f(Yᵢ), this does not multiply what is left of Newton's error by J
                    *k = (stage[j] - self.known[j]) / h_gamma;
                }
                let of_stage = norm(&self.update);
                size = if of_stage > size || of_stage.is_nan() { of_stage } else { size };
            }
            if convergence.after(sweep, size, is_new)? {
                return Some(sweep * s);
            }
        }
        None
    }

    /// Multiplies by (I − hγJ)⁻¹ of the last stage.
    pub(super) fn damp(&self, tableau: &Tableau, error: &mut [f64]) {
        self.lu.solve(tableau.n_stages() - 1, error);
    }

    /// Whether the stages of a method fit into the lanes.
    pub(super) fn fits(tableau: &Tableau) -> bool {
        tableau.n_stages() <= LANES
    }
}
