//! The likeliest class, its probability, and whether it was right.
//!
//! Accuracy is the mean of `hit`; *recall* of a class is the share of its samples that were
//! recognised, and their mean over the classes is the balanced accuracy (Brodersen et al. 2010, ICPR).

/// The likeliest class of each sample, `[n]` each.
#[derive(Debug, Clone, PartialEq)]
pub struct TopLabel {
    /// Which class; the first of equals.
    pub class: Vec<usize>,
    /// Its probability.
    pub confidence: Vec<f64>,
    /// 1 where it happened, else 0.
    pub hit: Vec<f64>,
}

/// Picks the likeliest class.
///
/// # Shapes
/// `probabilities`: `[n, n_classes]` row-major; `label`: `[n]`, which class happened.
pub fn top_label(probabilities: &[f64], n_classes: usize, label: &[usize]) -> TopLabel {
    let mut top = TopLabel { class: vec![], confidence: vec![], hit: vec![] };
    for (row, &label) in probabilities.chunks_exact(n_classes).zip(label) {
        let class = (1..n_classes).fold(0, |best, k| if row[k] > row[best] { k } else { best });
        top.class.push(class);
        top.confidence.push(row[class]);
        top.hit.push(f64::from(u8::from(class == label)));
    }
    top
}

/// Recall of each class, `[n_classes]`; NaN for a class that never happened.
pub fn recalls(top: &TopLabel, n_classes: usize, label: &[usize]) -> Vec<f64> {
    let (mut hits, mut n) = (vec![0.0; n_classes], vec![0.0; n_classes]);
    for (&label, hit) in label.iter().zip(&top.hit) {
        hits[label] += hit;
        n[label] += 1.0;
    }
    hits.iter().zip(n).map(|(hits, n)| hits / n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_never_happened_has_no_recall() {
        let label = [0, 0, 1];
        let top = top_label(&[0.5, 0.4, 0.1, 0.2, 0.7, 0.1, 0.1, 0.8, 0.1], 3, &label);
        assert_eq!(top.class, [0, 1, 1]);
        assert_eq!(top.hit, [1.0, 0.0, 1.0]);
        let recalls = recalls(&top, 3, &label);
        assert_eq!(recalls[..2], [0.5, 1.0]);
        assert!(recalls[2].is_nan());
    }
}
