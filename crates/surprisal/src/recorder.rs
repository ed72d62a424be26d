//! Writes what a fit reports: the run file's curves, `log.jsonl`, progress for a person.

use std::path::Path;

use serde_json::{Value, json};
use surprisal_data::run_file::{Evaluation, SplitEvaluation, Writer};
use surprisal_train::TrainError;
use surprisal_train::fit::{EvaluationReport, Observer, StepReport};

use crate::log::Log;
use crate::progress::Progress;

/// Per split, besides the per-sample values of `valid`.
pub(crate) const METRICS: [&str; 3] = ["nll", "mse", "zms"];

/// Writes what a fit reports.
pub(crate) struct Recorder {
    run_file: Writer,
    log: Log,
    progress: Progress,
}

impl Recorder {
    pub(crate) fn new(run_file: Writer, log: Log, progress: Progress) -> Self {
        Self { run_file, log, progress }
    }

    /// The run file, to complete it.
    pub(crate) fn finish(self) -> Writer {
        self.progress.finish();
        self.run_file
    }

    /// One line of `log.jsonl`.
    pub(crate) fn log(&mut self, event: &Value) -> Result<(), TrainError> {
        self.log.write(event)
    }

    /// A warning, for the person who watches and for the log.
    pub(crate) fn warn(&mut self, text: &str) -> Result<(), TrainError> {
        self.progress.warn(text);
        self.log(&json!({"event": "warning", "text": text}))
    }

    /// Why the fit stopped, where the log has more room than a message: every group of the batch.
    pub(crate) fn failed(&mut self, error: &TrainError) -> Result<(), TrainError> {
        let TrainError::NotFinite { what, value, step, epoch, groups, .. } = error else { return Ok(()) };
        self.progress.finish();
        self.log(&json!({
            "event": "not_finite",
            "step": step,
            "epoch": epoch,
            "what": what,
            // JSON has no word for it.
            "value": value.to_string(),
            "groups": groups,
        }))
    }
}

impl Observer for Recorder {
    fn step(&mut self, report: &StepReport<'_>) -> Result<(), TrainError> {
        self.progress.step(report);
        let terms: serde_json::Map<String, Value> =
            report.terms.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        self.log(&json!({
            "event": "step",
            "step": report.progress.step,
            "epoch": report.progress.epoch + 1,
            "loss": report.loss,
            "terms": terms,
            "gradient_norm": report.gradient_norm,
            "learning_rate": report.learning_rate,
        }))
    }

    fn evaluation(&mut self, report: &EvaluationReport<'_>) -> Result<(), TrainError> {
        let splits: Vec<SplitEvaluation<'_>> = report
            .splits
            .iter()
            .map(|s| {
                let whole = s.split == "valid";
                SplitEvaluation {
                    metrics: vec![s.mean_nll(), s.mse(), s.zms],
                    nll: if whole { &s.nll } else { &[] },
                    squared_error: if whole { &s.squared_error } else { &[] },
                    pit: if whole { &s.pit } else { &[] },
                }
            })
            .collect();
        self.run_file
            .append(&Evaluation {
                epoch: report.progress.epoch as f64,
                step: report.progress.step,
                learning_rate: report.learning_rate,
                splits,
            })
            .map_err(|e| TrainError::Observer(Box::new(e)))?;
        self.progress.evaluation(report);
        let splits: serde_json::Map<String, Value> = report
            .splits
            .iter()
            .map(|s| (s.split.clone(), json!({"nll": s.mean_nll(), "rmse": s.mse().sqrt(), "zms": s.zms})))
            .collect();
        self.log(&json!({
            "event": "evaluation",
            "evaluation": report.progress.n_evaluations - 1,
            "epoch": report.progress.epoch,
            "step": report.progress.step,
            "train_loss": report.loss,
            "learning_rate": report.learning_rate,
            "splits": splits,
            "best": report.is_best,
        }))
    }

    fn checkpoint(&mut self, path: &Path) -> Result<(), TrainError> {
        self.log(&json!({"event": "checkpoint", "file": path.file_name().map(|n| n.to_string_lossy().into_owned())}))
    }

    fn message(&mut self, text: &str) -> Result<(), TrainError> {
        self.log(&json!({"event": "message", "text": text}))
    }
}

/// Watches nothing.
pub(crate) struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: &StepReport<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    fn evaluation(&mut self, _: &EvaluationReport<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &Path) -> Result<(), TrainError> {
        Ok(())
    }
}
