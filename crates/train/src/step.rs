//! One step of a fit: a gradient step on a batch, or an iteration of a minimiser on all groups.

use std::time::Instant;

use candle_core::Tensor;
use surprisal_core::Parameter;
use surprisal_objective::Evaluation;

use crate::fit::{Fit, Observer, StepReport};
use crate::full_batch::FullBatch;
use crate::optimizer::{Method, Minimizer, Status, StepRule};
use crate::state::{Ended, State};
use crate::{Predictor, TrainError, average, checkpoint, gradient, shard};

/// An epoch after every warm-up: a minimiser, and a certificate, see the loss in its final form.
pub(crate) const LAST: usize = usize::MAX;

impl<P: Predictor> Fit<'_, P> {
    /// One step on the groups `batch`, or one iteration on all of them.
    pub(crate) fn step(
        &self,
        parameters: &[Parameter],
        state: &mut State,
        batch: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        match self.optimizer.method() {
            Method::StepRule(rule) => self.gradient_step(rule, parameters, state, batch, observer),
            Method::Minimizer(minimizer) => self.iteration(minimizer, parameters, state, observer),
        }
    }

    /// One iteration of a minimiser on the whole training set.
    fn iteration(
        &self,
        minimizer: &dyn Minimizer,
        parameters: &[Parameter],
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let started = Instant::now();
        let mut problem = FullBatch::new(self, parameters);
        let mut x = problem.position()?;
        let found = minimizer.iterate(&mut problem, &mut x, &mut state.memory)?;
        problem.set(&x)?;
        let (loss, n) = (found.smooth + found.penalty, self.splits.train.len());
        let step = state.progress.step + 1;
        if !loss.is_finite() {
            let groups: Vec<&P::Group> = self.splits.train.iter().collect();
            return Err(self.not_finite("loss", loss, step, state.progress.epoch + 1, &groups));
        }
        state.progress.ended = match found.status {
            Status::Moving => None,
            Status::Converged => Some(Ended::Converged),
            Status::Stalled => Some(Ended::Stalled),
        };
        state.progress.count(loss, n, started);
        let mut terms = problem.terms_of(found.smooth);
        terms.extend(self.objective.proximal_penalty().map(|(name, _)| (name.to_string(), found.penalty)));
        observer.step(&StepReport {
            progress: &state.progress,
            loss,
            terms: &terms,
            gradient_norm: found.residual,
            learning_rate: found.step,
            n_steps: self.n_steps(),
        })
    }

    /// One gradient step on the groups `batch`.
    fn gradient_step(
        &self,
        rule: &dyn StepRule,
        parameters: &[Parameter],
        state: &mut State,
        batch: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let started = Instant::now();
        let groups: Vec<&P::Group> = batch.iter().map(|&i| &self.splits.train[i]).collect();
        self.predictor.begin_step(state.progress.step);
        let (evaluation, gradient) = self.loss_and_gradient(&groups, state.progress.epoch)?;
        let gradient_norm = gradient::norm(&gradient)?;
        let step = state.progress.step + 1;
        for (what, value) in [("loss", evaluation.loss), ("gradient norm", gradient_norm)] {
            if !value.is_finite() {
                return Err(self.not_finite(what, value, step, state.progress.epoch + 1, &groups));
            }
        }
        let gradient = match self.settings.clip_norm {
            Some(limit) => gradient::clip(gradient, parameters, limit)?,
            None => gradient,
        };
        let n_steps = self.n_steps();
        let learning_rate = rule.learning_rate() * self.schedule.factor(state.progress.step, n_steps);
        rule.step(parameters, &gradient, &mut state.memory, learning_rate, step)?;
        if self.objective.proximal_penalty().is_some() {
            let sizes = rule.step_sizes(parameters, &state.memory, learning_rate, step)?;
            self.objective.proximal(self.predictor.parameters(), &sizes)?;
        }
        if let Some(average) = &mut state.average {
            average::update(average, parameters, self.settings.ema_decay, step)?;
        }
        state.progress.count(evaluation.loss, batch.len(), started);
        observer.step(&StepReport {
            progress: &state.progress,
            loss: evaluation.loss,
            terms: &evaluation.terms,
            gradient_norm,
            learning_rate,
            n_steps,
        })
    }

    /// The training loss of these groups after `epoch` epochs and its gradient in the order of
    /// [`Fit::parameters`].
    pub fn loss_and_gradient(
        &self,
        groups: &[&P::Group],
        epoch: usize,
    ) -> Result<(Evaluation, Vec<Tensor>), TrainError> {
        let seen: Vec<Option<P::Group>> = groups.iter().map(|g| self.predictor.in_training(g, epoch)).collect();
        let groups: Vec<&P::Group> = groups.iter().zip(&seen).map(|(g, seen)| seen.as_ref().unwrap_or(g)).collect();
        self.loss_as_they_are(&groups, epoch)
    }

    /// The same of whole groups, whatever training sees of them.
    pub(crate) fn loss_as_they_are(
        &self,
        groups: &[&P::Group],
        epoch: usize,
    ) -> Result<(Evaluation, Vec<Tensor>), TrainError> {
        let target = shard::target(self.predictor, self.objective.outcome().layout().dim, groups)?;
        let mut forward = shard::predict(self.predictor, groups, self.shard_size())?;
        let (model, at) = (self.predictor.parameters(), surprisal_objective::Progress { epoch });
        let mut evaluation = self.objective.evaluate(&forward.prediction, &target, model, at)?;
        if let Some((name, value)) = self.predictor.batch_term(&mut forward.tapes_mut(), epoch) {
            evaluation.loss += value;
            evaluation.terms.push((name.to_string(), value));
        }
        let mut gradient = shard::pullback(self.predictor, forward, &evaluation.cotangent)?;
        if let Some(of_penalties) = evaluation.model_gradient.take() {
            gradient = gradient::sum(vec![gradient, of_penalties])?;
        }
        if let Some(own) = self.predictor.own_term()? {
            evaluation.loss += own.value;
            evaluation.terms.push((own.name.to_string(), own.value));
            gradient = gradient::sum(vec![gradient, own.gradient])?;
        }
        gradient.append(&mut evaluation.own_gradient);
        Ok((evaluation, gradient))
    }

    fn not_finite(&self, what: &'static str, value: f64, step: u64, epoch: usize, groups: &[&P::Group]) -> TrainError {
        let groups = groups.iter().map(|g| self.predictor.describe(g)).collect();
        let kept = match checkpoint::newest(self.checkpoints) {
            Some(path) => format!("; the last good checkpoint is {}", path.display()),
            None => String::new(),
        };
        TrainError::NotFinite { what, value, step, epoch, groups, kept }
    }
}
