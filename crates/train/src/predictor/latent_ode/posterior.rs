//! A normal distribution of states, q(z₀) = N(µ, diag σ²), from what the encoder puts out: µ and ln σ,
//! `[2 d]`.
//!
//! - a state: z₀ = µ + σε, ε ~ N(0, 1) (D. P. Kingma, M. Welling, arXiv:1312.6114 (2014), section 2.4);
//! - KL(q ‖ N(0, I)) = Σ ½(µ² + σ² − 1) − ln σ, nats (appendix B there).
//!
//! With a single state in place of a distribution the encoder puts out z₀ itself, `[d]`.

/// The state for these normal draws `[d]`; for none, the output is the state.
pub(super) fn state(output: &[f64], noise: Option<&[f64]>) -> Vec<f64> {
    let Some(noise) = noise else { return output.to_vec() };
    let (mean, log_sigma) = output.split_at(noise.len());
    mean.iter().zip(log_sigma).zip(noise).map(|((m, s), e)| m + s.exp() * e).collect()
}

/// KL(q ‖ N(0, I)).
pub(super) fn divergence(output: &[f64]) -> f64 {
    let (mean, log_sigma) = output.split_at(output.len() / 2);
    mean.iter().zip(log_sigma).map(|(m, s)| 0.5 * (m * m + (2.0 * s).exp() - 1.0) - s).sum()
}

/// The cotangent of the encoder's output from that of the state, and `factor` times that of the divergence.
pub(super) fn pull_back(output: &[f64], noise: Option<&[f64]>, state_bar: &[f64], factor: f64) -> Vec<f64> {
    let Some(noise) = noise else { return state_bar.to_vec() };
    let (mean, log_sigma) = output.split_at(noise.len());
    let of_mean = mean.iter().zip(state_bar).map(|(m, bar)| bar + factor * m);
    let of_log_sigma = (log_sigma.iter().zip(noise).zip(state_bar))
        .map(|((s, e), bar)| bar * s.exp() * e + factor * ((2.0 * s).exp() - 1.0));
    of_mean.chain(of_log_sigma).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ∫ q ln(q/p) by the midpoint rule, in one dimension.
    #[test]
    fn the_divergence_is_its_integral() {
        for (mean, sigma) in [(0.0, 1.0), (0.7, 0.4), (-1.2, 1.9)] {
            let h = 1e-3;
            let log_q = |z: f64| -0.5 * ((z - mean) / sigma).powi(2) - f64::ln(sigma);
            let term = |z: f64| log_q(z).exp() * (log_q(z) + 0.5 * z * z);
            let integral: f64 = (-20_000..20_000).map(|k| h * term(h * (f64::from(k) + 0.5))).sum();
            let integral = integral / std::f64::consts::TAU.sqrt();
            assert!((divergence(&[mean, f64::ln(sigma)]) - integral).abs() < 1e-9, "{mean} {sigma}");
        }
    }

    #[test]
    fn the_pullback_is_the_slope() {
        let (output, noise) = ([0.3, -1.1, -0.4, 0.2], [0.9, -1.7]);
        let (bar, factor) = ([1.3, -0.6], 0.35);
        let value = |output: &[f64]| {
            let z = state(output, Some(&noise));
            z.iter().zip(bar).map(|(z, b)| z * b).sum::<f64>() + factor * divergence(output)
        };
        let gradient = pull_back(&output, Some(&noise), &bar, factor);
        for (i, slope) in gradient.iter().enumerate() {
            let at = |h: f64| {
                let mut moved = output;
                moved[i] += h;
                value(&moved)
            };
            assert!((slope - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-9, "{i}");
        }
    }
}
