//! Measures after recalibration.

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::{coverage, reliability, scores};

use super::{Resampled, Section, labels, values};
use crate::recalibration::{Judged, Method, Recalibrated, Recalibration};
use crate::run_data::SplitData;

/// What was fitted, on what.
pub(super) fn fitted(recalibration: &Recalibration) -> Value {
    let mut factors = Map::new();
    for (method, factor) in &recalibration.factors {
        let name = match method {
            Method::SigmaScaling => "sigma_factor",
            Method::DispersionScaling => "dispersion_factor",
            Method::Temperature => "temperature",
            Method::Isotonic
            | Method::Conformal
            | Method::ConformalNormalized
            | Method::Sets
            | Method::AdaptiveSets => continue,
        };
        let interval = [factor.interval.lower, factor.interval.upper];
        factors.insert(name.into(), json!({ "value": factor.value, "interval": interval }));
    }
    json!({
        "fitted_on": recalibration.fitted_on,
        "note": format!(
            "`{}` was also used to choose the epoch, so the repair is a little optimistic",
            recalibration.fitted_on
        ),
        "factors": factors,
    })
}

/// One entry per method.
pub(super) fn measure(
    recalibrated: &Recalibrated,
    split: &SplitData,
    resampled: &Resampled,
    notes: &mut Vec<String>,
) -> Value {
    let mut out = Map::new();
    for (method, judged) in &recalibrated.methods {
        let mut section = Section::new(&format!("{}.recalibrated.{}", split.name, method.name()), notes);
        match judged {
            Judged::Intervals { nll, reached, covered, winkler } => {
                if let Some(nll) = nll {
                    let nll = resampled.sampled(nll);
                    section.measure(&["nll"], scores::mean(&nll), resampled.bootstrap.means(&[&nll]).remove(0));
                }
                intervals(split, resampled, covered, winkler, &mut section);
                let (known, group) = resampled.known(reached);
                let mut area = reliability::Presorted::new(&known, &group);
                let drawn = resampled.bootstrap.each(|draw| area.of(draw));
                section.distance(&["miscalibration_area"], reliability::area_of_reached(&known), drawn);
            }
            Judged::Probabilities(repaired) => labels::probabilities(repaired, resampled, &mut section),
            Judged::Sets { sample, covered, size } => {
                labels::sets(sample, covered, size, resampled, &mut section);
            }
        }
        out.insert(method.name().into(), Value::Object(section.finish()));
    }
    Value::Object(out)
}

fn intervals(
    split: &SplitData,
    resampled: &Resampled,
    covered: &[Vec<f64>],
    winkler: &[Vec<f64>],
    section: &mut Section<'_>,
) {
    let observed = values::observed(split);
    let pick = |values: &[f64]| -> Vec<f64> { values.iter().zip(&observed).filter(|p| *p.1).map(|p| *p.0).collect() };
    let columns: Vec<&[f64]> = covered.iter().chain(winkler).map(Vec::as_slice).collect();
    let mut means = resampled.component_means(&columns, &observed).into_iter();
    for (name, columns) in [("coverage", covered), ("winkler", winkler)] {
        for (level, column) in coverage::LEVELS.iter().zip(columns) {
            let drawn = means.next().unwrap_or_default();
            section.measure(&[name, &level.to_string()], scores::mean(&pick(column)), drawn);
        }
    }
}
