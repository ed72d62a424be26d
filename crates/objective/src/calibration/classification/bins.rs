//! Bins of the reliability diagram.
//!
//! In a bin of n forecasts, p̄ is the mean forecast probability and ō the frequency of the event;
//! a calibrated forecaster has ō = p̄ (Murphy & Winkler 1977, Appl. Stat. 26, 41). Bins of *equal
//! width* are ((k−1)/B, k/B]; bins of *equal mass* hold the same number of forecasts, those of equal
//! probability sharing their frequency, so that the order of the data does not matter.

use super::super::rank::sorted_ties;

/// How probabilities are cut into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binning {
    /// Of equal width on [0, 1].
    EqualWidth,
    /// Of equal count; the counts differ by at most one.
    EqualMass,
}

/// One bin that is not empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Forecasts in it.
    pub n: usize,
    /// p̄: their mean probability.
    pub probability: f64,
    /// ō: how often the event happened.
    pub frequency: f64,
    /// Mean of (p − p̄)².
    pub variance: f64,
    /// Mean of (p − p̄)(o − ō).
    pub covariance: f64,
}

/// The bins that are not empty, by increasing probability.
///
/// # Shapes
/// `probability` and `outcome` (1 where the event happened, else 0): `[n]`.
pub fn bins(probability: &[f64], outcome: &[f64], n_bins: usize, binning: Binning) -> Vec<Bin> {
    Presorted::new(probability, outcome, &vec![0; outcome.len()], n_bins, binning).bins(&[1])
}

/// Forecasts sorted once, so that the bins of a resample cost one pass.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// Probability, outcome, group: by increasing probability.
    members: Vec<(f64, f64, usize)>,
    ties: Vec<usize>,
    n_bins: usize,
    binning: Binning,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    n: usize,
    p: f64,
    o: f64,
    pp: f64,
    po: f64,
}

impl Sums {
    fn add(&mut self, n: usize, p: f64, o: f64) {
        let count = n as f64;
        self.n += n;
        self.p += count * p;
        self.o += count * o;
        self.pp += count * p * p;
        self.po += count * p * o;
    }

    fn bin(&self) -> Bin {
        let mean = |sum: f64| sum / self.n as f64;
        let (p, o) = (mean(self.p), mean(self.o));
        Bin {
            n: self.n,
            probability: p,
            frequency: o,
            variance: mean(self.pp) - p * p,
            covariance: mean(self.po) - p * o,
        }
    }
}

impl Presorted {
    /// Sorts forecasts of an event; `group` is what each is drawn with, all `[n]`.
    pub fn new(probability: &[f64], outcome: &[f64], group: &[usize], n_bins: usize, binning: Binning) -> Self {
        let (order, ties) = sorted_ties(probability);
        let members = order.into_iter().map(|i| (probability[i], outcome[i], group[i])).collect();
        Self { members, ties, n_bins, binning }
    }

    /// The bins when group g is drawn `draw[g]` times.
    pub fn bins(&self, draw: &[u16]) -> Vec<Bin> {
        let mut sums = vec![Sums::default(); self.n_bins];
        match self.binning {
            Binning::EqualWidth => {
                for &(p, o, group) in &self.members {
                    let bin = ((p * self.n_bins as f64).ceil() - 1.0).clamp(0.0, (self.n_bins - 1) as f64);
                    sums[bin as usize].add(usize::from(draw[group]), p, o);
                }
            }
            Binning::EqualMass => self.equal_mass(draw, &mut sums),
        }
        sums.iter().filter(|s| s.n > 0).map(Sums::bin).collect()
    }

    fn equal_mass(&self, draw: &[u16], sums: &mut [Sums]) {
        let n: usize = self.members.iter().map(|m| usize::from(draw[m.2])).sum();
        let end = |bin: usize| (bin + 1) * n / self.n_bins;
        let (mut bin, mut before) = (0, 0);
        for tie in self.ties.windows(2) {
            let tie = &self.members[tie[0]..tie[1]];
            let mut left: usize = tie.iter().map(|m| usize::from(draw[m.2])).sum();
            let frequency = tie.iter().map(|m| f64::from(draw[m.2]) * m.1).sum::<f64>() / left as f64;
            while left > 0 {
                while end(bin) <= before {
                    bin += 1;
                }
                let taken = left.min(end(bin) - before);
                sums[bin].add(taken, tie[0].0, frequency);
                before += taken;
                left -= taken;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_edge_belongs_to_a_bin_of_equal_width() {
        let bins = bins(&[0.0, 0.5, 0.5001, 1.0], &[0.0, 1.0, 0.0, 1.0], 2, Binning::EqualWidth);
        assert_eq!(bins.iter().map(|b| b.n).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(bins[0].frequency, 0.5);
    }

    #[test]
    fn bins_of_equal_mass_do_not_depend_on_the_order_of_ties() {
        let probability = [0.3; 6];
        let one = bins(&probability, &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 3, Binning::EqualMass);
        let other = bins(&probability, &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 3, Binning::EqualMass);
        assert_eq!(one, other);
        assert!(one.iter().all(|b| b.n == 2 && b.frequency == 0.5));
    }
}
