//! What a person sees while a run computes: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use surprisal_train::fit::{EvaluationReport, StepReport};

/// Between plain lines that only say that a step was taken.
const QUIET: Duration = Duration::from_secs(10);

/// Shows the course of a fit on standard error.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    epochs: usize,
    last_line: Instant,
    /// Last evaluation in a few words.
    summary: String,
    silent: bool,
}

impl Progress {
    pub(crate) fn start(epochs: usize, n_steps: u64, done: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} steps, {eta} left  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(n_steps).with_position(done).with_style(style)
        });
        Self { bar, epochs, last_line: Instant::now(), summary: String::new(), silent: false }
    }

    /// Shows nothing: for one of many runs.
    pub(crate) fn silent(self) -> Self {
        self.finish();
        Self { bar: None, silent: true, ..self }
    }

    pub(crate) fn step(&mut self, report: &StepReport<'_>) {
        if let Some(bar) = &self.bar {
            bar.set_position(report.progress.step);
            bar.set_message(format!("loss {:.4}{}", report.loss, self.summary));
        } else if self.last_line.elapsed() > QUIET {
            self.line(&format!("step {}/{}: loss {:.4}", report.progress.step, report.n_steps, report.loss));
        }
    }

    pub(crate) fn evaluation(&mut self, report: &EvaluationReport<'_>) {
        let scores: Vec<String> = report
            .splits
            .iter()
            .filter(|s| s.split != "train")
            .map(|s| format!("{} {:.4} nat, RMSE {:.4}", s.split, s.mean_nll(), s.mse().sqrt()))
            .collect();
        let best = if report.is_best { " *" } else { "" };
        if self.bar.is_some() {
            self.summary = scores.first().map_or(String::new(), |s| format!(", {s}{best}"));
        } else {
            self.line(&format!(
                "epoch {}/{}: loss {:.4}; {}{best}",
                report.progress.epoch,
                self.epochs,
                report.loss,
                scores.join("; ")
            ));
        }
    }

    /// Something that must not be overlooked.
    pub(crate) fn warn(&mut self, text: &str) {
        let text = format!("warning: {text}");
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.line(&text),
        }
    }

    #[allow(clippy::print_stderr)] // progress is for the person who watches
    fn line(&mut self, text: &str) {
        if self.silent {
            return;
        }
        eprintln!("{text}");
        self.last_line = Instant::now();
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
