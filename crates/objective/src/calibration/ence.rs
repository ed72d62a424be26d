//! Expected normalised calibration error.
//!
//! Observations are sorted by σ and cut into B bins of equal count; in bin b,
//! RMV = √mean(σ²) and RMSE = √mean(e²); ENCE = (1/B) Σ_b |RMV_b − RMSE_b| / RMV_b
//! (Levi, Gispan, Giladi & Fetaya 2022, Sensors 22, 5540, eq. 7). It grows with B even for a
//! calibrated model (Pernot 2023, arXiv:2305.11905), so compare it at equal B and n only.

use super::rank::sorted_ties;

/// One bin of the error-against-σ diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Root mean predicted variance, data units.
    pub rmv: f64,
    /// Root-mean-square error, data units.
    pub rmse: f64,
    /// Observations in the bin.
    pub n: usize,
}

/// Bins of equal count by increasing σ; the counts differ by at most one. Observations whose error
/// or σ is not finite are left out. Observations of equal σ share the mean of their squared errors,
/// so that the bins do not depend on the order of the data.
///
/// # Shapes
/// `error`, `sigma`: `[n]` → at most `n_bins` bins, fewer when n < `n_bins`.
pub fn bins(error: &[f64], sigma: &[f64], n_bins: usize) -> Vec<Bin> {
    Presorted::new(error, sigma, &vec![0; error.len()], n_bins).bins(&[1])
}

/// ENCE over `n_bins` bins; NaN when there is nothing to bin.
pub fn ence(error: &[f64], sigma: &[f64], n_bins: usize) -> f64 {
    of_bins(&bins(error, sigma, n_bins))
}

fn of_bins(bins: &[Bin]) -> f64 {
    bins.iter().map(|b| (b.rmv - b.rmse).abs() / b.rmv).sum::<f64>() / bins.len() as f64
}

/// Observations sorted once, so that the ENCE of a resample costs one pass.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// σ², squared error, group; by increasing σ.
    members: Vec<(f64, f64, usize)>,
    ties: Vec<usize>,
    n_bins: usize,
}

impl Presorted {
    /// Sorts the observations that are finite; `group` is what each is drawn with, all `[n]`.
    pub fn new(error: &[f64], sigma: &[f64], group: &[usize], n_bins: usize) -> Self {
        let finite: Vec<usize> = (0..error.len()).filter(|&i| error[i].is_finite() && sigma[i].is_finite()).collect();
        let sigma: Vec<f64> = finite.iter().map(|&i| sigma[i]).collect();
        let (order, ties) = sorted_ties(&sigma);
        let member = |i: usize| (sigma[i].powi(2), error[finite[i]].powi(2), group[finite[i]]);
        Self { members: order.into_iter().map(member).collect(), ties, n_bins }
    }

    /// ENCE when group g is drawn `draw[g]` times.
    pub fn of(&self, draw: &[u16]) -> f64 {
        of_bins(&self.bins(draw))
    }

    fn bins(&self, draw: &[u16]) -> Vec<Bin> {
        let n: usize = self.members.iter().map(|m| usize::from(draw[m.2])).sum();
        let end = |bin: usize| (bin + 1) * n / self.n_bins;
        let mut bins = Vec::with_capacity(self.n_bins);
        // Observations before and in the open bin, and the sums of that bin.
        let (mut bin, mut before, mut inside, mut variance, mut square) = (0, 0, 0, 0.0, 0.0);
        for tie in self.ties.windows(2) {
            let tie = &self.members[tie[0]..tie[1]];
            let mut left: usize = tie.iter().map(|m| usize::from(draw[m.2])).sum();
            let mean = tie.iter().map(|m| f64::from(draw[m.2]) * m.1).sum::<f64>() / left as f64;
            while left > 0 {
                while end(bin) <= before + inside {
                    bin += 1;
                }
                let taken = left.min(end(bin) - before - inside);
                inside += taken;
                left -= taken;
                variance += taken as f64 * tie[0].0;
                square += taken as f64 * mean;
                if before + inside == end(bin) {
                    let root = |sum: f64| (sum / inside as f64).sqrt();
                    bins.push(Bin { rmv: root(variance), rmse: root(square), n: inside });
                    before += inside;
                    (inside, variance, square) = (0, 0.0, 0.0);
                }
            }
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_equal_to_sigma_are_calibrated_and_doubled_ones_cost_one() {
        let sigma: Vec<f64> = (1..=100).map(f64::from).collect();
        let doubled: Vec<f64> = sigma.iter().map(|s| -2.0 * s).collect();
        assert!(ence(&sigma, &sigma, 10).abs() < 1e-14);
        assert!((ence(&doubled, &sigma, 10) - 1.0).abs() < 1e-14);
        assert_eq!(bins(&sigma, &sigma, 7).iter().map(|b| b.n).sum::<usize>(), 100);
    }
}
