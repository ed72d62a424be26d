//! What the onset detector found, for machines and for readers.

use serde_json::{Value, json};
use surprisal_objective::calibration::{OnsetReport, Verdict};

use crate::run_data::RunData;

/// The verdict as it is written to `metrics.json`.
pub(super) fn onset(run: &RunData) -> Value {
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
