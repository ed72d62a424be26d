//! The training loop.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use surprisal_core::records::Splits;
use surprisal_core::{Parameter, rng};
use surprisal_objective::Objective;

use crate::optimizer::{Method, Optimizer};
use crate::schedule::Schedule;
use crate::settings::Keep;
use crate::state::{Ended, Progress, State, set_values, values};
use crate::stopping::{Best, exhausted};
use crate::{GradientCheck, Predictor, SplitScores, Train, TrainError, checkpoint, evaluate};

/// Everything a fit is made of.
pub struct Fit<'a, P: Predictor> {
    /// The model.
    pub predictor: &'a P,
    /// The loss.
    pub objective: &'a Objective,
    /// The data.
    pub splits: &'a Splits<P::Group>,
    /// How long and in what portions.
    pub settings: &'a Train,
    /// The update rule.
    pub optimizer: &'a dyn Optimizer,
    /// The learning rate's course.
    pub schedule: &'a dyn Schedule,
    /// Orders the batches.
    pub seed: u64,
    /// Where checkpoints go.
    pub checkpoints: &'a Path,
    /// Set from outside (a signal) to stop at the next step with a checkpoint.
    pub interrupted: &'a AtomicBool,
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// No better validation NLL for `patience` evaluations.
    Stopped,
    /// Told to; a checkpoint is written.
    Interrupted,
    /// A minimiser's gradient vanishes.
    Converged,
    /// A minimiser finds no step that lowers the loss.
    Stalled,
}

/// One step, for whoever watches.
#[derive(Debug, Clone)]
pub struct StepReport<'a> {
    /// Counters after the step.
    pub progress: &'a Progress,
    /// The loss and its terms by name.
    pub loss: f64,
    /// Risk, penalties, regularisers.
    pub terms: &'a [(String, f64)],
    /// The gradient's 2-norm before clipping; of a minimiser, the largest entry of the gradient (or
    /// what takes its place where a penalty has a kink) after the step.
    pub gradient_norm: f64,
    /// The learning rate of the step; of a minimiser, the length of the step.
    pub learning_rate: f64,
    /// Steps of the whole run.
    pub n_steps: u64,
}

/// One evaluation, for whoever watches.
#[derive(Debug, Clone)]
pub struct EvaluationReport<'a> {
    /// Counters at the evaluation, which is number `n_evaluations - 1`.
    pub progress: &'a Progress,
    /// Mean training loss of the epoch.
    pub loss: f64,
    /// The learning rate of the last step; 0 of a minimiser, which has none.
    pub learning_rate: f64,
    /// Every split, in the order of [`Splits::parts`].
    pub splits: &'a [SplitScores],
    /// Whether it is the best so far.
    pub is_best: bool,
}

/// Watches a fit; never steers it, except by failing.
pub trait Observer {
    /// After every step.
    fn step(&mut self, report: &StepReport<'_>) -> Result<(), TrainError>;
    /// After every evaluation.
    fn evaluation(&mut self, report: &EvaluationReport<'_>) -> Result<(), TrainError>;
    /// After every checkpoint.
    fn checkpoint(&mut self, path: &Path) -> Result<(), TrainError>;
    /// Something worth a line in the log.
    fn message(&mut self, _text: &str) -> Result<(), TrainError> {
        Ok(())
    }
}

impl<P: Predictor> Fit<'_, P> {
    /// Every trainable tensor: the predictor's, then the objective's own.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.predictor.parameters().iter().chain(self.objective.parameters().iter()).cloned().collect()
    }

    /// A state before the first step.
    pub fn start(&self) -> Result<State, TrainError> {
        Ok(State::start(&self.parameters(), self.optimizer, self.settings.ema_decay)?)
    }

    /// Steps of the whole run.
    pub fn n_steps(&self) -> u64 {
        (self.settings.epochs * self.splits.train.len().div_ceil(self.batch_size())) as u64
    }

    /// Groups per step.
    fn batch_size(&self) -> usize {
        self.settings.batch_size.unwrap_or(usize::MAX).min(self.splits.train.len()).max(1)
    }

    /// The check of the gradient on the training groups of one shard.
    pub fn gradient_check(&self) -> Result<Option<GradientCheck>, TrainError> {
        let n = self.shard_size().min(self.batch_size());
        self.predictor.gradient_check(&self.splits.train.iter().take(n).collect::<Vec<_>>())
    }

    /// The losses of the first `n` steps, to see that they can be taken at all.
    pub fn try_steps(&self, n: usize, observer: &mut dyn Observer) -> Result<Vec<f64>, TrainError> {
        let (parameters, mut state) = (self.parameters(), self.start()?);
        let order: Vec<usize> = (0..self.splits.train.len()).collect();
        let batches = order.chunks(self.batch_size()).cycle().take(n);
        let mut losses = Vec::with_capacity(n);
        for batch in batches {
            let before = state.progress.loss_sum;
            self.step(&parameters, &mut state, batch, observer)?;
            losses.push((state.progress.loss_sum - before) / batch.len() as f64);
        }
        Ok(losses)
    }

    /// Trains from `state` to the end; on return the parameters hold the values to keep.
    pub fn run(&self, mut state: State, observer: &mut dyn Observer) -> Result<(Outcome, State), TrainError> {
        let parameters = self.parameters();
        if state.progress == Progress::default() {
            self.initialize(&parameters, &mut state, observer)?;
        }
        let mut last_checkpoint = Instant::now();
        let mut outcome = Outcome::Finished;
        // A batch that is done belongs to an epoch that is not: there the run was interrupted.
        'run: while self.goes_on(&state.progress) || state.progress.batch > 0 {
            if exhausted(state.progress.best, state.progress.n_evaluations, self.settings.patience) {
                outcome = Outcome::Stopped;
                break;
            }
            let order = self.order(state.progress.epoch);
            for batch in order.chunks(self.batch_size()).skip(state.progress.batch) {
                self.step(&parameters, &mut state, batch, observer)?;
                let interrupted = self.interrupted.load(Ordering::Relaxed);
                let due = last_checkpoint.elapsed().as_secs_f64() > self.settings.checkpoint_seconds
                    || self.settings.checkpoint_steps.is_some_and(|n| state.progress.step.is_multiple_of(n));
                if interrupted || due {
                    observer.checkpoint(&checkpoint::save(self.checkpoints, &parameters, &state)?)?;
                    last_checkpoint = Instant::now();
                }
                if interrupted {
                    outcome = Outcome::Interrupted;
                    break 'run;
                }
            }
            if self.finish_epoch(&parameters, &mut state, observer)? {
                observer.checkpoint(&checkpoint::save(self.checkpoints, &parameters, &state)?)?;
                last_checkpoint = Instant::now();
            }
        }
        match state.progress.ended.filter(|_| outcome == Outcome::Finished) {
            Some(Ended::Converged) => outcome = Outcome::Converged,
            Some(Ended::Stalled) => {
                outcome = Outcome::Stalled;
                observer
                    .message("no step lowers the loss any more, though its gradient does not vanish: it has a kink or is at the limit of its rounding; the weights stay here")?;
            }
            None => {}
        }
        if outcome != Outcome::Interrupted {
            let kept = match self.settings.keep {
                Keep::Best => state.best.as_ref().or(state.average.as_ref()),
                Keep::Last => state.average.as_ref(),
            };
            if let Some(kept) = kept {
                set_values(&parameters, kept)?;
            }
        }
        Ok((outcome, state))
    }

    /// Lets the predictor begin where the data says, once.
    fn initialize(
        &self,
        parameters: &[Parameter],
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let groups: Vec<&P::Group> = self.splits.train.iter().collect();
        for line in self.predictor.initialize(&groups)? {
            observer.message(&line)?;
        }
        if state.average.is_some() {
            state.average = Some(values(parameters)?);
        }
        Ok(())
    }

    fn goes_on(&self, progress: &Progress) -> bool {
        progress.epoch < self.settings.epochs && progress.ended.is_none()
    }

    /// The order of the training groups in an epoch. A minimiser sees the same sum at every iteration.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let n = self.splits.train.len();
        match self.optimizer.method() {
            Method::StepRule(_) => rng::permutation(&mut rng::stream(self.seed, "shuffle", epoch as u64), n),
            Method::Minimizer(_) => (0..n).collect(),
        }
    }

    pub(crate) fn shard_size(&self) -> usize {
        self.settings.shard_size.unwrap_or_else(|| self.predictor.shard_size())
    }

    /// Counts the epoch and evaluates where one is due, with the averaged weights if there are any;
    /// says whether it was due.
    fn finish_epoch(
        &self,
        parameters: &[Parameter],
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let loss = state.progress.loss_sum / state.progress.n_seen as f64;
        let epoch = state.progress.epoch + 1;
        state.progress = Progress { epoch, batch: 0, loss_sum: 0.0, n_seen: 0, ..state.progress.clone() };
        if self.goes_on(&state.progress) && !epoch.is_multiple_of(self.settings.evaluate_every) {
            return Ok(false);
        }
        let started = Instant::now();
        let raw = state.average.as_ref().map(|_| values(parameters)).transpose()?;
        if let Some(average) = &state.average {
            set_values(parameters, average)?;
        }
        let splits = evaluate::curve_groups(self.splits, self.settings.curve_groups)
            .into_iter()
            .map(|(name, groups)| evaluate::evaluate(self.predictor, self.objective, name, &groups, self.shard_size()))
            .collect::<Result<Vec<_>, _>>()?;
        let evaluation = state.progress.n_evaluations;
        let valid = splits.iter().find(|s| s.split == "valid").map(SplitScores::mean_nll).filter(|nll| nll.is_finite());
        // NaN would compare as the best for ever, and JSON has no word for it or for infinity
        let is_best = valid.is_some_and(|nll| nll.is_finite() && state.progress.best.is_none_or(|best| nll < best.nll));
        if let (Some(nll), true) = (valid, is_best) {
            state.progress.best = Some(Best { nll, evaluation, epoch });
            state.best = Some(values(parameters)?);
        }
        if let Some(raw) = raw {
            set_values(parameters, &raw)?;
        }
        state.progress.n_evaluations += 1;
        state.progress.evaluate_seconds += started.elapsed().as_secs_f64();
        let learning_rate = match self.optimizer.method() {
            Method::StepRule(rule) => {
                rule.learning_rate() * self.schedule.factor(state.progress.step.saturating_sub(1), self.n_steps())
            }
            Method::Minimizer(_) => 0.0,
        };
        observer.evaluation(&EvaluationReport {
            progress: &state.progress,
            loss,
            learning_rate,
            splits: &splits,
            is_best,
        })?;
        Ok(true)
    }
}
