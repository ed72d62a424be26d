//! `metrics.json`: every measure of every split, with units and 95 % intervals.
//!
//! NLL is joint over the components of a sample, `nll_per_component` is that divided by their
//! number. RMSE, MAE, CRPS, coverage, Winkler score, miscalibration area, ENCE (15 bins, fewer for
//! small splits) and ZMS are over components; Spearman's correlation and AUSE are over samples, with
//! the root mean square over components of error and σ. Intervals come from 1,000 resamples of whole
//! groups.

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::bootstrap::{GroupBootstrap, percentile_interval};
use surprisal_objective::calibration::{
    OnsetReport, Verdict, auroc, coverage, ence, pit, rank, reliability, scores, sharpness, sparsification, zms,
};

use crate::run_data::{RunData, SplitData};
use crate::solution;

const N_RESAMPLES: usize = 1000;
const LEVEL: f64 = 0.95;

/// The metrics of a run, as written to `metrics.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    value: Value,
}

impl Metrics {
    /// Measures a run; `timing` is taken over as it is.
    pub fn of(run: &RunData, timing: Value) -> Self {
        let mut numbers = Numbers { notes: run.notes.clone() };
        let mut splits = Map::new();
        for split in &run.splits {
            splits.insert(split.name.clone(), numbers.split(split, run.seed));
        }
        let mut value = json!({
            "name": run.name,
            "seed": run.seed,
            "model": run.model,
            "likelihood": run.likelihood,
            "reference_split": run.reference().map(|r| r.name.as_str()),
            "units": units(&run.unit),
            "splits": splits,
            "ood": numbers.ood(run),
            "onset": numbers.onset(run),
            "timing": timing,
        });
        if !run.solution.optimality.is_empty() {
            value["optimality"] = solution::optimality(&run.solution);
        }
        if !numbers.notes.is_empty() {
            value["notes"] = json!(numbers.notes);
        }
        Self { value }
    }

    /// The whole value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A number of a split, such as `("iid", "rmse")`; `None` where there is none.
    pub fn number(&self, split: &str, metric: &str) -> Option<f64> {
        self.value["splits"][split][metric].as_f64()
    }

    /// The interval of a metric of a split.
    pub fn interval(&self, split: &str, metric: &str) -> Option<(f64, f64)> {
        let interval = &self.value["splits"][split]["intervals"][metric];
        Some((interval[0].as_f64()?, interval[1].as_f64()?))
    }
}

fn units(unit: &str) -> Value {
    let data = if unit.is_empty() { "data" } else { unit };
    let mut units = Map::new();
    for name in ["nll", "nll_per_component"] {
        units.insert(name.into(), json!("nat"));
    }
    for name in ["rmse", "mae", "crps", "winkler", "sharpness"] {
        units.insert(name.into(), json!(data));
    }
    Value::Object(units)
}

/// Turns numbers into JSON; what is not finite becomes null and a note.
struct Numbers {
    notes: Vec<String>,
}

impl Numbers {
    fn number(&mut self, place: &str, value: f64) -> Value {
        if !value.is_finite() {
            self.notes.push(format!("`{place}` is {value} and written as null"));
        }
        json!(value)
    }

    fn split(&mut self, split: &SplitData, seed: u64) -> Value {
        let observed: Vec<usize> = (0..split.target.len()).filter(|&i| split.target[i].is_finite()).collect();
        let pick = |values: &[f64]| -> Vec<f64> { observed.iter().map(|&i| values[i]).collect() };
        let (error, sigma, crps) = (pick(&split.error()), pick(&split.sigma), pick(&split.crps));
        let (below, cdf) = (pick(&split.cdf_below), pick(&split.cdf));
        let winkler: Vec<Vec<f64>> = split.winkler.iter().map(|w| pick(w)).collect();
        let transform = split.pit(seed);
        let (sample_error, sample_sigma): (Vec<f64>, Vec<f64>) =
            split.sample_error().into_iter().zip(split.sample_sigma()).filter(|(e, _)| e.is_finite()).unzip();
        let n_bins = (error.len() / 20).clamp(3, 15);

        let group: Vec<u64> = observed.iter().map(|&i| split.group[i / split.dim]).collect();
        let bootstrap = GroupBootstrap::new(&group, N_RESAMPLES, seed);
        let mut levels = Map::new();
        let mut widths = Map::new();
        let mut out = Map::new();
        let mut put = |name: &str, value: f64| {
            let place = format!("{}.{name}", split.name);
            let value = self.number(&place, value);
            out.insert(name.into(), value);
        };
        // Samples of which nothing was observed have no NLL.
        let nll: Vec<f64> = split.nll.iter().copied().filter(|nll| !nll.is_nan()).collect();
        put("nll", scores::mean(&nll));
        put("nll_per_component", nll.iter().sum::<f64>() / error.len() as f64);
        put("rmse", scores::rmse(&error));
        put("mae", scores::mae(&error));
        put("crps", scores::mean(&crps));
        put("miscalibration_area", reliability::miscalibration_area(&transform));
        put("sharpness", sharpness::sharpness(&sigma));
        put("ence", ence::ence(&error, &sigma, n_bins));
        put("zms", zms::zms(&error, &sigma));
        put("spearman", rank::spearman(&sample_error, &sample_sigma));
        put("ause", sparsification::ause(&sample_error, &sample_sigma));
        put("pit_ks_p", pit::uniformity(&transform).p_value);
        for (level, winkler) in coverage::LEVELS.iter().zip(&winkler) {
            let name = level.to_string();
            levels.insert(name.clone(), json!(coverage::coverage(*level, &below, &cdf)));
            let score = self.number(&format!("{}.winkler.{name}", split.name), scores::mean(winkler));
            widths.insert(name, score);
        }
        out.insert("n_samples".into(), json!(split.n_samples()));
        out.insert("n_groups".into(), json!(bootstrap.n_groups()));
        out.insert("coverage".into(), Value::Object(levels));
        out.insert("winkler".into(), Value::Object(widths));
        let columns =
            Columns { split, observed: &observed, error: &error, crps: &crps, sigma: &sigma, below: &below, cdf: &cdf };
        out.insert("intervals".into(), columns.intervals(&bootstrap));
        Value::Object(out)
    }

    fn ood(&mut self, run: &RunData) -> Value {
        let Some(reference) = run.reference() else { return json!({}) };
        let mut out = Map::new();
        for split in run.shifted() {
            let mut measures = Map::new();
            let (primary, shifted) = split.knowledge();
            let value = auroc::auroc(&reference.knowledge().1, &shifted);
            let key = if primary == "total" { "total_auroc" } else { "epistemic_auroc" };
            measures.insert(key.into(), self.number(&format!("ood.{}.{key}", split.name), value));
            for ((name, shifted), (_, familiar)) in split.uncertainties.iter().zip(&reference.uncertainties) {
                let key = format!("{name}_auroc");
                if !measures.contains_key(&key) {
                    let value = auroc::auroc(familiar, shifted);
                    measures.insert(key.clone(), self.number(&format!("ood.{}.{key}", split.name), value));
                }
            }
            out.insert(split.name.clone(), Value::Object(measures));
        }
        Value::Object(out)
    }

    fn onset(&mut self, run: &RunData) -> Value {
        let Some(report) = &run.onset else {
            return json!({ "verdict": "undetermined", "reason": ABSENT });
        };
        let epoch = |evaluation: usize| run.curves.epoch.get(evaluation).copied();
        let evaluation = match report.verdict {
            Verdict::Onset { evaluation } => Some(evaluation),
            Verdict::OrdinaryOverfitting | Verdict::None | Verdict::Undetermined => None,
        };
        json!({
            "verdict": match report.verdict {
                Verdict::Onset { .. } => "onset",
                Verdict::OrdinaryOverfitting => "ordinary_overfitting",
                Verdict::None => "none",
                Verdict::Undetermined => "undetermined",
            },
            "reason": report.reason,
            "confidence": report.confidence,
            "direction": report.direction,
            "evaluation": evaluation,
            "epoch": evaluation.and_then(epoch),
            "nll_argmin": report.nll_argmin,
            "nll_argmin_epoch": epoch(report.nll_argmin),
            "mse_argmin": report.mse_argmin,
            "mse_argmin_epoch": epoch(report.mse_argmin),
        })
    }
}

/// Why there is no verdict where nothing was recorded.
pub(crate) const ABSENT: &str = "the run has no split `valid` with per-sample curves, or is a regularisation path";

/// The verdict of the onset detector in plain words.
pub fn verdict_sentence(run: &RunData) -> String {
    let epoch = |t: usize| run.curves.epoch.get(t).map_or("?".into(), |e| format!("{e}"));
    let Some(OnsetReport { verdict, confidence, direction, nll_argmin, mse_argmin, reason }) = &run.onset else {
        return format!("Loss of calibration during training was not examined: {ABSENT}.");
    };
    let confidence = confidence.map_or(String::new(), |c| format!(" (confidence {:.0} %)", 100.0 * c));
    match verdict {
        Verdict::Onset { evaluation } => {
            let direction = match direction {
                Some(surprisal_objective::calibration::Direction::Overconfident) => " The model became over-confident.",
                Some(surprisal_objective::calibration::Direction::Underconfident) => {
                    " The model became under-confident."
                }
                None => "",
            };
            format!(
                "Calibration was lost from epoch {} on{confidence}: the validation NLL rose from its minimum at epoch \
                 {} while the squared error did not rise.{direction} Predictions after epoch {} may be accurate, but \
                 their uncertainties are not to be trusted.",
                epoch(*evaluation),
                epoch(*nll_argmin),
                epoch(*nll_argmin)
            )
        }
        Verdict::OrdinaryOverfitting => format!(
            "Ordinary overfitting{confidence}: validation NLL and squared error rose together, from their minima at \
             epochs {} and {}.",
            epoch(*nll_argmin),
            epoch(*mse_argmin)
        ),
        Verdict::None => format!("No sign that calibration was lost during training: {reason}."),
        Verdict::Undetermined => format!("Whether calibration was lost during training is undetermined: {reason}."),
    }
}

/// Per-component quantities whose means have intervals.
struct Columns<'a> {
    split: &'a SplitData,
    observed: &'a [usize],
    error: &'a [f64],
    crps: &'a [f64],
    sigma: &'a [f64],
    below: &'a [f64],
    cdf: &'a [f64],
}

impl Columns<'_> {
    fn intervals(&self, bootstrap: &GroupBootstrap) -> Value {
        let nll: Vec<f64> = self.observed.iter().map(|&i| self.split.nll[i / self.split.dim]).collect();
        let square: Vec<f64> = self.error.iter().map(|e| e * e).collect();
        let magnitude: Vec<f64> = self.error.iter().map(|e| e.abs()).collect();
        let z = zms::squared_z(self.error, self.sigma);
        let covered: Vec<Vec<f64>> = coverage::LEVELS
            .iter()
            .map(|&level| {
                let inside = |(&below, &cdf): (&f64, &f64)| f64::from(u8::from(coverage::covers(level, below, cdf)));
                self.below.iter().zip(self.cdf).map(inside).collect()
            })
            .collect();
        let mut columns: Vec<&[f64]> = vec![&nll, &square, &magnitude, self.crps, &z];
        columns.extend(covered.iter().map(Vec::as_slice));
        let mut means = bootstrap.means(&columns).into_iter();
        let mut out = Map::new();
        for name in ["nll", "rmse", "mae", "crps", "zms"] {
            let mut statistic = means.next().unwrap_or_default();
            if name == "rmse" {
                statistic.iter_mut().for_each(|s| *s = s.sqrt());
            }
            out.insert(name.into(), interval(&mut statistic));
        }
        let mut levels = Map::new();
        for (level, mut statistic) in coverage::LEVELS.iter().zip(means) {
            levels.insert(level.to_string(), interval(&mut statistic));
        }
        out.insert("coverage".into(), Value::Object(levels));
        Value::Object(out)
    }
}

/// `[lower, upper]`; serde_json writes ends that are not finite as null.
fn interval(statistic: &mut [f64]) -> Value {
    let interval = percentile_interval(statistic, LEVEL);
    json!([interval.lower, interval.upper])
}
