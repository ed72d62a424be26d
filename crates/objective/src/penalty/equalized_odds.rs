//! Equalised odds: given what is true, predictions do not depend on an attribute.
//!
//! The samples are divided by the observed label (for real targets: into quarters of the batch by the
//! observed value), and within each part the groups' predictions are compared as for demographic
//! parity; the penalty is the mean over the parts. For a classifier, equal mean probabilities given
//! the label are equal (soft) true and false positive rates (Hardt, Price & Srebro 2016, def. 2.1).

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::demographic_parity::{Compare, gap, groups, unknown_attribute};
use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Differences between the groups of an attribute among samples with like outcomes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EqualizedOdds {
    /// The column, one of `data.csv.attributes`.
    pub attribute: String,
    /// What has to agree.
    #[serde(default)]
    pub compare: Compare,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

impl Penalty for EqualizedOdds {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

/// Parts of a batch of real targets.
const N_PARTS: usize = 4;

impl PredictionPenalty for EqualizedOdds {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        unknown_attribute(&self.attribute, facts)
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let outcomes = seen.target.value.to_vec2::<f64>()?;
        let parts = parts(&outcomes);
        let mut sum = Tensor::new(0f64, &Device::Cpu)?;
        for part in &parts {
            sum = (sum + gap(seen.mean, &groups(seen, &self.attribute, part), self.compare)?)?;
        }
        Ok((sum * (self.weight / parts.len() as f64))?)
    }
}

/// Samples with the same outcome where there are few different ones, else with similar first
/// components.
fn parts(outcomes: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    let compare = |a: &usize, b: &usize| {
        let pairs = outcomes[*a].iter().zip(&outcomes[*b]);
        pairs.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    order.sort_by(compare);
    let same: Vec<Vec<usize>> = order.chunk_by(|a, b| compare(a, b).is_eq()).map(<[usize]>::to_vec).collect();
    let n = order.len();
    if same.len() <= N_PARTS || same.len() * 8 <= n {
        return same;
    }
    (0..N_PARTS).map(|k| order[k * n / N_PARTS..(k + 1) * n / N_PARTS].to_vec()).filter(|p| !p.is_empty()).collect()
}
