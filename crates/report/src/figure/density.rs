//! Densities of positive quantities on a logarithmic axis.

use super::ticks::Scale;

const BINS: usize = 40;

/// Densities per decade over common bins, so that areas on the logarithmic axis compare.
pub(crate) struct LogDensity {
    pub(crate) scale: Scale,
    /// One more than bins.
    pub(crate) edges: Vec<f64>,
    /// One list per sample.
    pub(crate) heights: Vec<Vec<f64>>,
}

impl LogDensity {
    /// Of several samples; the axis also holds `marks`. `None` where nothing is positive.
    pub(crate) fn of(samples: &[&[f64]], marks: impl IntoIterator<Item = f64>) -> Option<Self> {
        if !samples.iter().any(|values| values.iter().any(|v| v.is_finite() && *v > 0.0)) {
            return None;
        }
        let scale = Scale::log(samples.iter().flat_map(|values| central(values)).chain(marks));
        let Scale::Log(low, high) = scale else { return None };
        let edges = (0..=BINS).map(|i| low * (high / low).powf(i as f64 / BINS as f64)).collect();
        let per_bin = BINS as f64 / (high / low).log10();
        let heights = samples
            .iter()
            .map(|values| {
                let mut density = vec![0.0; BINS];
                for &value in values.iter().filter(|v| v.is_finite() && **v > 0.0) {
                    let bin = scale.fraction(value) * BINS as f64;
                    if (0.0..BINS as f64).contains(&bin) {
                        density[bin as usize] += per_bin / values.len() as f64;
                    }
                }
                density
            })
            .collect();
        Some(Self { scale, edges, heights })
    }

    /// The largest density; at least a little above 0.
    pub(crate) fn highest(&self) -> f64 {
        self.heights.iter().flatten().copied().fold(1e-3, f64::max)
    }
}

/// Values without the outermost thousandth on either side, so that one outlier does not set the axis.
fn central(values: &[f64]) -> Vec<f64> {
    let mut positive: Vec<f64> = values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect();
    positive.sort_by(f64::total_cmp);
    let cut = positive.len() / 1000;
    positive[cut..positive.len() - cut].to_vec()
}
