//! A likelihood together with the shape and the units of what is observed.
//!
//! Predictors work in standardised units: y_data = shift + scale·y. A block's density in data units
//! is the standardised one divided by Π scale, so its NLL is larger by Σ ln scale. Parameters carry
//! units too: a scale is multiplied by `scale`, a variance by `scale²`.

mod columns;
mod constants;
mod data_units;

use candle_core::{D, DType, Device, Tensor};
use surprisal_core::parameters::member_prefix;
use surprisal_core::{Layout, Parameters, Prediction, Role, Target};

use crate::ObjectiveError;
use crate::likelihood::{Blocks, Coupling, LikelihoodConfig, Natural, ParameterSpec, Progress, Source, Unit};

pub use columns::{Columns, SampleColumns};
pub use constants::Constant;
pub use data_units::{DataUnits, Judged};

/// A likelihood, the components of a sample, their units, and the parameters it trains itself.
#[derive(Debug, Clone)]
pub struct Outcome {
    likelihood: LikelihoodConfig,
    specs: Vec<ParameterSpec>,
    dim: usize,
    blocks: Blocks,
    target_scale: Vec<f64>,
    target_shift: Vec<f64>,
    own: Parameters,
    prefix: &'static str,
    members: usize,
    models: usize,
}

impl Outcome {
    /// `target_scale` and `target_shift` are per component; a joint coupling needs equal scales.
    pub fn new(
        likelihood: LikelihoodConfig,
        dim: usize,
        coupling: Coupling,
        target_scale: Vec<f64>,
        target_shift: Vec<f64>,
    ) -> Result<Self, ObjectiveError> {
        Self::named("likelihood", likelihood, dim, coupling, target_scale, target_shift)
    }

    /// The same with another first part of the names of its trained parameters.
    pub(crate) fn named(
        prefix: &'static str,
        likelihood: LikelihoodConfig,
        dim: usize,
        coupling: Coupling,
        target_scale: Vec<f64>,
        target_shift: Vec<f64>,
    ) -> Result<Self, ObjectiveError> {
        // Where the data decides (forces), a joint density has to turn with the vector.
        if !likelihood.get().has_joint_form(coupling.blocks(dim).block_dim) {
            let block_dim = coupling.blocks(dim).block_dim;
            return Err(ObjectiveError::NoJointForm { likelihood: likelihood.name(), block_dim });
        }
        let blocks = likelihood.get().coupling().unwrap_or(coupling).blocks(dim);
        if likelihood.get().coupling() == Some(Coupling::Joint) && dim < 2 {
            return Err(ObjectiveError::NeedsVector { likelihood: likelihood.name() });
        }
        let specs = likelihood.get().parameters(blocks.block_dim);
        let positive = target_scale.len() == dim && target_scale.iter().all(|s| s.is_finite() && *s > 0.0);
        let one_unit = |s: &ParameterSpec| matches!(s.unit, Unit::Power(power) if power != 0);
        let joint = blocks.block_dim > 1 && specs.iter().any(one_unit);
        if !positive || (joint && target_scale.iter().any(|s| *s != target_scale[0])) {
            return Err(ObjectiveError::TargetScale { scales: target_scale, joint });
        }
        if let Some((setting, domain, value)) = likelihood.get().check_settings() {
            return Err(ObjectiveError::Setting { entry: likelihood.name(), setting, domain, value });
        }
        for spec in &specs {
            match spec.source {
                Source::Network | Source::Constant => {}
                Source::Fixed(value) if value.is_finite() && value > spec.link.lower() => {}
                Source::Fixed(value) => {
                    return Err(ObjectiveError::FixedOutOfDomain {
                        likelihood: likelihood.name(),
                        parameter: spec.name,
                        value,
                        lower: spec.link.lower(),
                    });
                }
            }
        }
        let own = constants(prefix, &specs, blocks)?;
        Ok(Self { likelihood, specs, dim, blocks, target_scale, target_shift, own, prefix, members: 1, models: 1 })
    }

    /// The same for so many predictions of one model side by side, which share its "constant"
    /// parameters.
    pub fn with_members(self, members: usize) -> Self {
        Self { members, ..self }
    }

    /// The same for an ensemble of so many models whose predictions lie side by side, each with
    /// "constant" parameters of its own: `member.K.likelihood.<name>`.
    pub fn of_ensemble(self, models: usize) -> Result<Self, ObjectiveError> {
        if models == 1 {
            return Ok(self);
        }
        let mut own = Parameters::new();
        for model in 0..models {
            own.share_member(model, &constants(self.prefix, &self.specs, self.blocks)?);
        }
        Ok(Self { own, members: models, models, ..self })
    }

    /// Models that are trained, each with its own "constant" parameters.
    pub fn models(&self) -> usize {
        self.models
    }

    /// Members whose predictions lie side by side.
    pub fn members(&self) -> usize {
        self.members
    }

    /// What the columns of [`DataUnits`] mean.
    pub fn columns(&self) -> Columns {
        Columns::new(&self.likelihood, self.blocks, self.members)
    }

    /// What a predictor (each member of an ensemble) has to predict.
    pub fn layout(&self) -> Layout {
        let predicted = self.specs.iter().filter(|s| s.source == Source::Network);
        let per_block: usize = predicted.map(|s| s.width).sum();
        let location = self.likelihood.get().location_width(self.blocks.block_dim);
        Layout { dim: self.dim, location: location * self.blocks.n_blocks, outputs: per_block * self.blocks.n_blocks }
    }

    /// The likelihood.
    pub fn likelihood(&self) -> &LikelihoodConfig {
        &self.likelihood
    }

    /// The parameters of the likelihood beside its location.
    pub fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// How the components share parameters.
    pub fn blocks(&self) -> Blocks {
        self.blocks
    }

    /// The "constant" parameters, raw: `likelihood.<name>`, `[b]`; of every member of an ensemble.
    pub fn parameters(&self) -> &Parameters {
        &self.own
    }

    /// Data units per standardised unit, per component.
    pub fn target_scale(&self) -> &[f64] {
        &self.target_scale
    }

    /// Data value at standardised 0, per component.
    pub fn target_shift(&self) -> &[f64] {
        &self.target_shift
    }

    /// Samples that the likelihood cannot have produced, or that are partly missing where the
    /// components are coupled.
    pub fn check_target(&self, target: &Target) -> Result<(), ObjectiveError> {
        let values = target.value.to_vec2::<f64>()?;
        let observed = target.observed.as_ref().map(Tensor::to_vec2::<f64>).transpose()?;
        for (sample, row) in values.iter().enumerate() {
            let seen = |component: usize| observed.as_ref().is_none_or(|o| o[sample][component] != 0.0);
            let n_observed = (0..self.dim).filter(|&c| seen(c)).count();
            if self.blocks.block_dim > 1 && n_observed != 0 && n_observed != self.dim {
                return Err(ObjectiveError::PartlyMissing { sample, n_observed, dim: self.dim });
            }
            for component in (0..self.dim).filter(|&c| seen(c)) {
                let y = self.target_shift[component] + self.target_scale[component] * row[component];
                let checked = self.likelihood.get().check_target(y);
                checked.map_err(|source| ObjectiveError::Target { sample, component, source })?;
            }
        }
        Ok(())
    }

    /// Location and parameters in their own domains, standardised units; the members of a sample are
    /// rows one after the other.
    pub fn natural(&self, prediction: &Prediction) -> Result<Natural, ObjectiveError> {
        let layout = self.layout();
        let width = |part, tensor: &Tensor, expected| -> Result<(), ObjectiveError> {
            let found = tensor.dim(1)?;
            if found == expected { Ok(()) } else { Err(ObjectiveError::Width { part, found, expected }) }
        };
        width("location", &prediction.location, self.members * layout.location)?;
        match &prediction.outputs {
            Some(outputs) => width("outputs", outputs, self.members * layout.outputs)?,
            None if layout.outputs == 0 => {}
            None => return Err(ObjectiveError::Width { part: "outputs", found: 0, expected: layout.outputs }),
        }
        // the members' predictions become rows of their own
        let n = prediction.location.dim(0)? * self.members;
        let outputs = prediction.outputs.as_ref().map(|o| o.reshape((n, layout.outputs))).transpose()?;
        let mut column = 0;
        let mut parameters = Vec::with_capacity(self.specs.len());
        for spec in &self.specs {
            let width = self.blocks.n_blocks * spec.width;
            let value = match (spec.source, &outputs) {
                (Source::Network, Some(outputs)) => {
                    let raw = outputs.narrow(1, column, width)?.contiguous()?;
                    column += width;
                    spec.link.apply(&raw)?
                }
                (Source::Network, None) => {
                    return Err(ObjectiveError::Width { part: "outputs", found: 0, expected: layout.outputs });
                }
                (Source::Constant, _) => {
                    let value = spec.link.apply(&self.constant(spec, width)?)?.unsqueeze(0)?;
                    value.broadcast_as((n / self.members, self.members, width))?.contiguous()?.reshape((n, width))?
                }
                (Source::Fixed(value), _) => {
                    let row: Vec<f64> = (0..width).map(|column| value / self.unit(spec, column)).collect();
                    Tensor::from_vec(row, (1, width), &Device::Cpu)?.broadcast_as((n, width))?.contiguous()?
                }
            };
            let grouped = spec.width != 1;
            parameters.push(if grouped { value.reshape((n, self.blocks.n_blocks, spec.width))? } else { value });
        }
        let location =
            prediction.location.reshape((n, self.blocks.n_blocks, layout.location / self.blocks.n_blocks))?;
        Ok(Natural { location, parameters, block_dim: self.blocks.block_dim })
    }

    /// The raw value of a "constant" parameter: `[1, width]`, or `[M, width]` for the models of an
    /// ensemble.
    fn constant(&self, spec: &ParameterSpec, width: usize) -> Result<Tensor, ObjectiveError> {
        let name = format!("{}.{}", self.prefix, spec.name);
        let raw: Vec<Tensor> = (0..self.models)
            .map(|model| {
                let prefix = if self.models == 1 { String::new() } else { member_prefix(model) };
                let found = self.own.get(&(prefix + &name)).map(|p| p.var.as_tensor().clone());
                found.ok_or(ObjectiveError::Width { part: spec.name, found: 0, expected: width })
            })
            .collect::<Result<_, _>>()?;
        Ok(Tensor::stack(&raw, 0)?)
    }

    /// Data units per standardised unit of a column of a parameter.
    fn unit(&self, spec: &ParameterSpec, column: usize) -> f64 {
        let first = column / spec.width * self.blocks.block_dim;
        match spec.unit {
            Unit::Power(power) => self.target_scale[first].powi(power),
            Unit::PerComponent => self.target_scale[first + column % spec.width],
        }
    }

    /// NLL of each sample, `[n]`, true nats in the data's own units, joint over the observed
    /// components; 0 for a sample of which nothing was observed. For an ensemble it is that of the
    /// mixture: −ln of the mean of the members' densities.
    pub fn nll(&self, prediction: &Prediction, target: &Target) -> Result<Tensor, ObjectiveError> {
        self.mixture(&self.nll_of(&self.natural(prediction)?, target)?)
    }

    /// From the members' NLL, `[n·M]`, to that of their mixture, `[n]`.
    pub(crate) fn mixture(&self, nll: &Tensor) -> Result<Tensor, ObjectiveError> {
        if self.members == 1 {
            return Ok(nll.clone());
        }
        let members = nll.reshape((nll.elem_count() / self.members, self.members))?.neg()?;
        Ok(members.log_sum_exp(D::Minus1)?.affine(-1.0, (self.members as f64).ln())?)
    }

    /// The NLL of each member of each sample, `[n·M]`.
    pub(crate) fn nll_of(&self, natural: &Natural, target: &Target) -> Result<Tensor, ObjectiveError> {
        let (y, observed) = self.masked(target)?;
        let m = self.blocks.block_dim;
        let log_scale: Vec<f64> = self.target_scale.chunks(m).map(|s| s.iter().map(|s| s.ln()).sum()).collect();
        let log_scale = Tensor::from_vec(log_scale, (1, self.blocks.n_blocks), &Device::Cpu)?;
        let blocks = self.likelihood.get().nll(natural, &y)?.broadcast_add(&log_scale)?;
        Ok(mask(blocks, observed.as_ref())?.sum(D::Minus1)?)
    }

    /// What is differentiated in the place of the NLL, `[n]`, where the likelihood asks for it.
    pub(crate) fn surrogate_of(
        &self,
        natural: &Natural,
        target: &Target,
        progress: Progress,
    ) -> Result<Option<Tensor>, ObjectiveError> {
        let (y, observed) = self.masked(target)?;
        let blocks = self.likelihood.get().surrogate(natural, &y, progress)?;
        blocks.map(|blocks| Ok(mask(blocks, observed.as_ref())?.sum(D::Minus1)?)).transpose()
    }

    /// The likelihood's regulariser of each sample, `[n]`, if it has one.
    pub(crate) fn regularizer_of(&self, natural: &Natural, target: &Target) -> Result<Option<Tensor>, ObjectiveError> {
        let (y, observed) = self.masked(target)?;
        let blocks = self.likelihood.get().regularizer(natural, &y)?;
        blocks.map(|blocks| Ok(mask(blocks, observed.as_ref())?.sum(D::Minus1)?)).transpose()
    }

    /// The expectation of each component of each member, `[n, d]` each, in units of the target scale
    /// with the target shift restored; differentiable.
    pub(crate) fn means_of(&self, natural: &Natural) -> Result<Vec<Tensor>, ObjectiveError> {
        let mean = self.likelihood.get().mean(natural)?;
        let shift: Vec<f64> = self.target_shift.iter().zip(&self.target_scale).map(|(shift, s)| shift / s).collect();
        let mean = mean.flatten_from(1)?.broadcast_add(&Tensor::from_vec(shift, (1, self.dim), &Device::Cpu)?)?;
        (0..self.members).map(|member| Ok(self.rows_of(&mean, member)?)).collect()
    }

    /// The rows of one member: `[n·M, …]` → `[n, …]`.
    pub(crate) fn rows_of(&self, rows: &Tensor, member: usize) -> candle_core::Result<Tensor> {
        if self.members == 1 {
            return Ok(rows.clone());
        }
        let n = (rows.dim(0)? / self.members) as u32;
        let index: Vec<u32> = (0..n).map(|i| i * self.members as u32 + member as u32).collect();
        rows.index_select(&Tensor::new(index, &Device::Cpu)?, 0)
    }

    /// `[n, d]` → `[n·M, d]`, every row M times.
    fn for_members(&self, rows: &Tensor) -> candle_core::Result<Tensor> {
        if self.members == 1 {
            return Ok(rows.clone());
        }
        let (n, d) = rows.dims2()?;
        rows.unsqueeze(1)?.broadcast_as((n, self.members, d))?.contiguous()?.reshape((n * self.members, d))
    }

    /// `[n·M, b, m]` values with one of the support in the place of missing ones, and `[n·M, b]` of 1
    /// and 0.
    fn masked(&self, target: &Target) -> Result<(Tensor, Option<Tensor>), ObjectiveError> {
        let Some(observed) = &target.observed else {
            return Ok((self.blocks.view(&self.for_members(&target.value)?)?, None));
        };
        let observed = &self.for_members(observed)?;
        let value = &self.for_members(&target.value)?;
        // the input is masked too: a NaN in a missing value would reach the gradient through 0·NaN
        let stand_in = value.zeros_like()?.affine(1.0, self.likelihood.get().placeholder())?;
        let value = observed.ne(0.0)?.where_cond(value, &stand_in)?;
        let blocks = self.blocks.view(observed)?;
        if self.blocks.block_dim > 1 {
            for (sample, n_observed) in observed.sum(D::Minus1)?.to_vec1::<f64>()?.into_iter().enumerate() {
                if n_observed != 0.0 && n_observed != self.dim as f64 {
                    return Err(ObjectiveError::PartlyMissing {
                        sample,
                        n_observed: n_observed as usize,
                        dim: self.dim,
                    });
                }
            }
        }
        Ok((self.blocks.view(&value)?, Some(blocks.narrow(2, 0, 1)?.squeeze(2)?.contiguous()?)))
    }
}

/// The trained values of the "constant" parameters, raw, at 0.
fn constants(prefix: &str, specs: &[ParameterSpec], blocks: Blocks) -> candle_core::Result<Parameters> {
    let mut own = Parameters::new();
    for spec in specs.iter().filter(|s| s.source == Source::Constant) {
        let n = blocks.n_blocks * spec.width;
        let name = format!("{prefix}.{}", spec.name);
        own.add_values(name, Role::Bias, vec![0.0; n], &[n], DType::F64, &Device::Cpu)?;
    }
    Ok(own)
}

/// Zero where nothing was observed.
fn mask(blocks: Tensor, observed: Option<&Tensor>) -> candle_core::Result<Tensor> {
    match observed {
        Some(observed) => observed.ne(0.0)?.where_cond(&blocks, &blocks.zeros_like()?),
        None => Ok(blocks),
    }
}
