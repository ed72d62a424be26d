//! Where one sample of a batch is, and what its next step is: the decisions of [`crate::solve`], on the host.

use crate::controller::Controller;
use crate::error::OdeError;
use crate::solve::{Statistics, next_step, underflows};

/// A sample under way.
pub(super) struct Progress {
    pub(super) problem: usize,
    pub(super) t: f64,
    /// Of the next attempt, or of the one under way.
    pub(super) h: f64,
    /// Whether that ends at the last data time.
    last: bool,
    error: f64,
    controller: Controller,
    pub(super) statistics: Statistics,
    /// Data times recorded.
    n_recorded: usize,
}

/// What became of an attempt.
pub(super) enum Outcome {
    Rejected,
    /// Data times passed: index and fraction θ of the step.
    Accepted(Vec<(usize, f64)>),
    /// The same, and the last of them was the end.
    Finished(Vec<(usize, f64)>),
}

impl Progress {
    /// At the first data time, where two evaluations chose the first step.
    pub(super) fn new(problem: usize, t: f64, h: f64) -> Self {
        Self {
            problem,
            t,
            h,
            last: false,
            error: 0.0,
            controller: Controller::default(),
            statistics: Statistics { n_evaluations: 2, ..Statistics::default() },
            n_recorded: 1,
        }
    }

    /// Settles the size of the next attempt, or says why there is none; the states reached are not in the error.
    pub(super) fn plan(&mut self, times: &[f64], max_steps: usize) -> Result<(), OdeError> {
        let (t, h, t_end, partial) = (self.t, self.h, times[times.len() - 1], vec![]);
        if self.statistics.n_accepted + self.statistics.n_rejected == max_steps {
            return Err(OdeError::MaxSteps { max_steps, t, t_end, partial });
        }
        let (step, last) = next_step(t, h, t_end);
        if !last && underflows(t, h) {
            return Err(if self.error.is_finite() {
                OdeError::StepUnderflow { t, h, t_end, partial }
            } else {
                OdeError::FieldNotFinite { t, t_end, partial }
            });
        }
        (self.h, self.last) = (step.h, last);
        Ok(())
    }

    /// Goes on from an attempt with this scaled error, NaN where its end is not finite.
    pub(super) fn judge(&mut self, error: f64, times: &[f64], n_evaluations: usize) -> Outcome {
        self.statistics.n_evaluations += n_evaluations;
        self.error = error;
        let (start, h) = (self.t, self.h);
        if error > 1.0 || !error.is_finite() {
            self.statistics.n_rejected += 1;
            self.h = h * self.controller.reject(error);
            return Outcome::Rejected;
        }
        self.t = if self.last { times[times.len() - 1] } else { start + h };
        let inside = times[self.n_recorded..].iter().take_while(|&&time| time <= self.t);
        let passed: Vec<(usize, f64)> =
            inside.enumerate().map(|(k, time)| (self.n_recorded + k, (time - start) / h)).collect();
        self.n_recorded += passed.len();
        self.h = h * self.controller.accept(error);
        self.statistics.n_accepted += 1;
        if self.last { Outcome::Finished(passed) } else { Outcome::Accepted(passed) }
    }
}
