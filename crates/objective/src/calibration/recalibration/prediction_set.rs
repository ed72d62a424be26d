//! Sets of classes that hold the label with a stated probability.
//!
//! A set is {k : s_k ≤ q̂}; with q̂ the split conformal quantile of the labels' scores on held-out data
//! ([`Conformal`](super::Conformal)) it holds a new label with at least the stated probability, whatever
//! the model, if the data are exchangeable. Scores: s_k = 1 − p_k, whose sets are the smallest on average
//! (Sadinle, Lei & Wasserman 2019, J. Am. Stat. Assoc. 114, 223) and may be empty; or the probability of
//! the classes likelier than k and a random share of p_k, whose sets grow where the model is unsure
//! (Romano, Sesia & Candès 2020, NeurIPS, eq. 8). Without calibration, the set of the likeliest classes
//! whose probabilities first sum to the level.

/// How unusual a class is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// 1 − p.
    Probability,
    /// Σ of the likelier classes' p, and a share of its own.
    Adaptive,
}

impl Score {
    /// The score of each class of each forecast; `share`, `[n]`, uniform in [0, 1), is what counts of a
    /// class's own probability.
    ///
    /// # Shapes
    /// `probabilities`: `[n, n_classes]` row-major → the same.
    pub fn of(self, probabilities: &[f64], n_classes: usize, share: &[f64]) -> Vec<f64> {
        let row = |(row, share): (&[f64], &f64)| -> Vec<f64> {
            let likelier = |p: f64| row.iter().filter(|q| **q > p).sum::<f64>();
            row.iter()
                .map(|&p| match self {
                    Self::Probability => 1.0 - p,
                    Self::Adaptive => likelier(p) + share * p,
                })
                .collect()
        };
        probabilities.chunks_exact(n_classes).zip(share).flat_map(row).collect()
    }
}

/// Whether each set holds the label, and how many classes it has: `[n]` each, from scores `[n, n_classes]`.
pub fn judge(scores: &[f64], n_classes: usize, label: &[usize], quantile: f64) -> (Vec<bool>, Vec<usize>) {
    let rows = scores.chunks_exact(n_classes).zip(label);
    rows.map(|(row, &label)| (row[label] <= quantile, row.iter().filter(|s| **s <= quantile).count())).unzip()
}

/// The same of the likeliest classes whose stated probabilities first reach `level`.
pub fn judge_stated(probabilities: &[f64], n_classes: usize, label: &[usize], level: f64) -> (Vec<bool>, Vec<usize>) {
    let rows = probabilities.chunks_exact(n_classes).zip(label);
    rows.map(|(row, &label)| {
        let mut order: Vec<usize> = (0..n_classes).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let mut sum = 0.0;
        let reaches = |&class: &usize| {
            sum += row[class];
            // rounding does not ask for another class
            sum >= level - 1e-12
        };
        let size = order.iter().position(reaches).map_or(n_classes, |last| last + 1);
        (order[..size].contains(&label), size)
    })
    .unzip()
}

#[cfg(test)]
mod tests {
    use super::super::Conformal;
    use super::*;
    use surprisal_core::rng;

    #[test]
    fn scores_and_sets_by_hand() {
        let p = [0.5, 0.3, 0.2];
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(near(&Score::Probability.of(&p, 3, &[0.4]), &[0.5, 0.7, 0.8]));
        assert!(near(&Score::Adaptive.of(&p, 3, &[0.5]), &[0.25, 0.65, 0.9]));
        assert_eq!(judge(&[0.5, 0.7, 0.8], 3, &[1], 0.75), (vec![true], vec![2]));
        assert_eq!(judge(&[0.5, 0.7, 0.8], 3, &[1], 0.6), (vec![false], vec![1]));
        assert_eq!(judge(&[0.5, 0.7, 0.8], 3, &[1], 0.4), (vec![false], vec![0]));
        assert_eq!(judge_stated(&p, 3, &[1], 0.5), (vec![false], vec![1]));
        assert_eq!(judge_stated(&p, 3, &[1], 0.8), (vec![true], vec![2]));
        assert_eq!(judge_stated(&p, 3, &[2], 0.95), (vec![true], vec![3]));
    }

    /// Probabilities that are far too sure of themselves: stated sets miss, conformal ones hold.
    #[test]
    fn conformal_sets_hold_what_overconfident_ones_promise() {
        let mut stream = rng::stream(6, "sets", 0);
        let k = 5;
        let mut draw = |n: usize| {
            let (mut stated, mut label, mut share) = (vec![], vec![], vec![]);
            for _ in 0..n {
                let logits: Vec<f64> = (0..k).map(|_| rng::standard_normal(&mut stream)).collect();
                let softmax = |t: f64| {
                    let sum: f64 = logits.iter().map(|z| (t * z).exp()).sum();
                    logits.iter().map(|z| (t * z).exp() / sum).collect::<Vec<f64>>()
                };
                let mut u = rng::uniform(&mut stream);
                let drawn = softmax(1.0).iter().position(|p| {
                    u -= p;
                    u < 0.0
                });
                stated.extend(softmax(4.0));
                label.push(drawn.unwrap_or(k - 1));
                share.push(rng::uniform(&mut stream));
            }
            (stated, label, share)
        };
        let (fit, test) = (draw(4000), draw(8000));
        let rate = |held: &[bool]| held.iter().filter(|h| **h).count() as f64 / held.len() as f64;
        let (held, _) = judge_stated(&test.0, k, &test.1, 0.9);
        assert!(rate(&held) < 0.8, "{}", rate(&held));
        for score in [Score::Probability, Score::Adaptive] {
            let scores = score.of(&fit.0, k, &fit.2);
            let own: Vec<f64> = fit.1.iter().enumerate().map(|(i, &l)| scores[i * k + l]).collect();
            let quantile = Conformal::fit(&own).quantile(0.9);
            let (held, _) = judge(&score.of(&test.0, k, &test.2), k, &test.1, quantile);
            // two standard errors of both samples
            assert!((rate(&held) - 0.9).abs() < 0.013, "{score:?} {}", rate(&held));
        }
    }
}
