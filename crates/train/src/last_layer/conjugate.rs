//! Bayesian linear regression with its conjugate normal-inverse-gamma prior, in closed form.
//!
//! y = Φw + ε with ε ~ N(0, σ²I), w | σ² ~ N(0, σ²/λ·I), σ² ~ InvGamma(a₀, b₀), for n observations and
//! p features. With A = ΦᵀΦ + λI (Bishop 2006, Pattern recognition and machine learning, eqs. 3.49–3.54
//! and exercise 3.12; Murphy 2012, Machine learning, sec. 7.6.3):
//!
//! m = A⁻¹Φᵀy, V = A⁻¹, aₙ = a₀ + n/2, bₙ = b₀ + S/2, S = ‖y − Φm‖² + λ‖m‖²,
//!
//! ln p(y) = −n/2·ln 2π + p/2·ln λ − ½ ln|A| + a₀ ln b₀ − aₙ ln bₙ + lnΓ(aₙ) − lnΓ(a₀).
//!
//! A new observation is Student-t with 2aₙ degrees of freedom, location mᵀφ and squared scale
//! bₙ/aₙ·(1 + φᵀVφ): the evidential distribution with γ = mᵀφ, ν = 1/(φᵀVφ), α = aₙ, β = bₙ, whose
//! squared scale is β(1 + ν)/(αν).
//!
//! Hyper-parameters that are not given maximise ln p(y). For b₀ the maximum is b₀ = a₀S/n, since
//! ∂/∂b₀ = a₀/b₀ − aₙ/bₙ; for λ it is searched on a grid of ln λ and by golden sections around the best
//! point of it. a₀ has no useful maximum: where the noise is one Gaussian the evidence grows as a₀ → ∞
//! fixes σ² at the value that fits best, and the uncertainty of σ² is gone. It is therefore given, and
//! small: a prior worth 2a₀ observations.

use surprisal_ops::special::lgamma;

use super::cholesky::Cholesky;

/// What is known before; `None` is chosen by the marginal likelihood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Precision of the weights relative to that of the noise.
    pub lambda: Option<f64>,
    /// Shape of the distribution of σ².
    pub a0: f64,
    /// Its scale, squared units of y.
    pub b0: Option<f64>,
}

/// What is known after.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// λ, given or found.
    pub lambda: f64,
    /// b₀, given or found.
    pub b0: f64,
    /// m, `[p]`.
    pub mean: Vec<f64>,
    /// V, `[p, p]`: the covariance of the weights is σ²V.
    pub covariance: Vec<f64>,
    /// aₙ.
    pub a: f64,
    /// bₙ.
    pub b: f64,
    /// ln p(y), nats.
    pub log_evidence: f64,
}

/// γ, ν, α, β of one new observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidential {
    /// mᵀφ.
    pub gamma: f64,
    /// 1/(φᵀVφ).
    pub nu: f64,
    /// aₙ.
    pub alpha: f64,
    /// bₙ.
    pub beta: f64,
}

/// Ends of the search for ln λ; beyond them the prior is flat, or the weights are 0.
const LOG_LAMBDA: (f64, f64) = (-20.0, 20.0);

/// Points of the grid in it, one a nat.
const GRID: usize = 41;

/// (3 − √5)/2.
const GOLDEN: f64 = 0.381_966_011_250_105_1;

/// A regression problem with the sums that every λ needs.
struct Problem<'a> {
    /// `[n, p]`
    features: &'a [f64],
    y: &'a [f64],
    p: usize,
    /// ΦᵀΦ, `[p, p]`
    gram: Vec<f64>,
    /// Φᵀy, `[p]`
    moment: Vec<f64>,
    prior: Prior,
}

/// The posterior of `features`, row-major `[n, p]`, and `y`, `[n]`; `None` where no λ makes
/// ΦᵀΦ + λI positive definite or the numbers are not finite.
pub fn posterior(features: &[f64], y: &[f64], prior: Prior) -> Option<Posterior> {
    let p = features.len() / y.len();
    let mut gram = vec![0.0; p * p];
    let mut moment = vec![0.0; p];
    for (row, y) in features.chunks_exact(p).zip(y) {
        for (i, a) in row.iter().enumerate() {
            gram[i * p..(i + 1) * p].iter_mut().zip(row).for_each(|(g, b)| *g += a * b);
            moment[i] += a * y;
        }
    }
    let problem = Problem { features, y, p, gram, moment, prior };
    let lambda = prior.lambda.map_or_else(|| problem.best_lambda(), Some)?;
    problem.at(lambda).map(|(mut found, cholesky)| {
        found.covariance = cholesky.inverse();
        found
    })
}

impl Problem<'_> {
    /// The posterior under this λ but for its covariance.
    fn at(&self, lambda: f64) -> Option<(Posterior, Cholesky)> {
        let (p, n) = (self.p, self.y.len() as f64);
        let mut precision = self.gram.clone();
        (0..p).for_each(|i| precision[i * p + i] += lambda);
        let cholesky = Cholesky::new(&precision, p)?;
        let mean = cholesky.solve(&self.moment);
        // the sum of squares itself: yᵀy − mᵀΦᵀy loses its digits where the fit is good
        let residual = |(row, y): (&[f64], &f64)| y - dot(row, &mean);
        let rows = self.features.chunks_exact(p).zip(self.y);
        let s = rows.map(residual).map(|r| r * r).sum::<f64>() + lambda * dot(&mean, &mean);
        let a0 = self.prior.a0;
        let b0 = self.prior.b0.unwrap_or(a0 * s / n);
        let (a, b) = (a0 + 0.5 * n, b0 + 0.5 * s);
        let log_evidence = 0.5 * (p as f64 * lambda.ln() - n * std::f64::consts::TAU.ln() - cholesky.log_determinant())
            + a0 * b0.ln()
            - a * b.ln()
            + lgamma(a)
            - lgamma(a0);
        let found = Posterior { lambda, b0, mean, covariance: vec![], a, b, log_evidence };
        log_evidence.is_finite().then_some((found, cholesky))
    }

    fn log_evidence(&self, log_lambda: f64) -> f64 {
        self.at(log_lambda.exp()).map_or(f64::NEG_INFINITY, |(found, _)| found.log_evidence)
    }

    fn best_lambda(&self) -> Option<f64> {
        let step = (LOG_LAMBDA.1 - LOG_LAMBDA.0) / (GRID - 1) as f64;
        let grid: Vec<f64> = (0..GRID).map(|i| self.log_evidence(LOG_LAMBDA.0 + step * i as f64)).collect();
        let best = (0..GRID).max_by(|&i, &j| grid[i].total_cmp(&grid[j])).filter(|&i| grid[i].is_finite())?;
        let at = LOG_LAMBDA.0 + step * best as f64;
        let (mut low, mut high) = ((at - step).max(LOG_LAMBDA.0), (at + step).min(LOG_LAMBDA.1));
        let inside = |low: f64, high: f64, t: f64| low + t * (high - low);
        let (mut left, mut right) = (inside(low, high, GOLDEN), inside(low, high, 1.0 - GOLDEN));
        let (mut at_left, mut at_right) = (self.log_evidence(left), self.log_evidence(right));
        // a maximum is known to half the digits of its value
        while high - low > 1e-7 {
            if at_left > at_right {
                (high, right, at_right) = (right, left, at_left);
                left = inside(low, high, GOLDEN);
                at_left = self.log_evidence(left);
            } else {
                (low, left, at_left) = (left, right, at_right);
                right = inside(low, high, 1.0 - GOLDEN);
                at_right = self.log_evidence(right);
            }
        }
        Some((0.5 * (low + high)).exp())
    }
}

impl Posterior {
    /// The distribution of an observation with these features, `[p]`.
    pub fn predict(&self, features: &[f64]) -> Evidential {
        let p = features.len();
        let spread: f64 = features.iter().zip(self.covariance.chunks_exact(p)).map(|(a, v)| a * dot(v, features)).sum();
        Evidential { gamma: dot(&self.mean, features), nu: 1.0 / spread, alpha: self.a, beta: self.b }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
