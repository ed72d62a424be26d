//! Demographic parity: predictions do not depend on an attribute.
//!
//! `compare = "mean"`: weight · mean over pairs of groups g, h of (E[m|g] − E[m|h])², m the expectation
//! of a sample (a probability, for labels). `compare = "distribution"`: the squared energy distance
//! 2E|X − Y| − E|X − X′| − E|Y − Y′| between the groups' predictions (Székely & Rizzo 2013, eq. 2.1),
//! which is zero only where their whole distributions agree; it stands for the Kolmogorov–Smirnov gap
//! of Agarwal, Dudík & Wu 2019, which has no useful gradient. Groups are those of the batch: give it
//! enough rows of each.

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::closest;

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Differences between the predictions of the groups of an attribute.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DemographicParity {
    /// The column, one of `data.csv.attributes`.
    pub attribute: String,
    /// What has to agree.
    #[serde(default)]
    pub compare: Compare,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

/// What has to agree between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compare {
    /// The mean prediction.
    #[default]
    Mean,
    /// The whole distribution of predictions.
    Distribution,
}

impl Penalty for DemographicParity {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl PredictionPenalty for DemographicParity {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        unknown_attribute(&self.attribute, facts)
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let everyone: Vec<usize> = (0..seen.target.n_samples()).collect();
        let gap = gap(seen.mean, &groups(seen, &self.attribute, &everyone), self.compare)?;
        Ok((gap * self.weight)?)
    }
}

/// What is wrong with the name of an attribute, if anything.
pub(super) fn unknown_attribute(attribute: &String, facts: &Facts) -> Option<String> {
    if facts.attributes.contains(attribute) {
        return None;
    }
    let near = closest(attribute, facts.attributes.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
    Some(format!("`{attribute}` among `data.csv.attributes`{near}"))
}

/// The samples of `among` by the level of their attribute; levels without any are left out.
pub(super) fn groups(seen: &Seen<'_>, attribute: &str, among: &[usize]) -> Vec<Vec<u32>> {
    let index = seen.facts.attributes.iter().position(|name| name == attribute);
    let levels = index.and_then(|i| seen.target.attributes.get(i));
    let Some(levels) = levels else { return vec![] };
    let mut groups: Vec<Vec<u32>> = vec![];
    for &sample in among {
        let level = levels[seen.target.group[sample] as usize] as usize;
        groups.resize(groups.len().max(level + 1), vec![]);
        groups[level].push(sample as u32);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Mean over pairs of groups of how much their predictions `[n, d]` differ; 0 for a single group.
pub(super) fn gap(mean: &Tensor, groups: &[Vec<u32>], compare: Compare) -> candle_core::Result<Tensor> {
    let parts = groups
        .iter()
        .map(|group| mean.index_select(&Tensor::new(group.as_slice(), &Device::Cpu)?, 0))
        .collect::<candle_core::Result<Vec<_>>>()?;
    let mut sum = Tensor::new(0f64, &Device::Cpu)?;
    let mut n_pairs = 0.0f64;
    for (i, x) in parts.iter().enumerate() {
        for y in &parts[i + 1..] {
            let gap = match compare {
                Compare::Mean => (x.mean(0)? - y.mean(0)?)?.sqr()?.mean_all()?,
                Compare::Distribution => ((distance(x, y)? * 2.0)? - (distance(x, x)? + distance(y, y)?)?)?,
            };
            sum = (sum + gap)?;
            n_pairs += 1.0;
        }
    }
    sum / n_pairs.max(1.0)
}

/// E|X − Y| over all pairs and components.
fn distance(x: &Tensor, y: &Tensor) -> candle_core::Result<Tensor> {
    x.unsqueeze(1)?.broadcast_sub(&y.unsqueeze(0)?)?.abs()?.mean_all()
}
