//! The predictions of one split as the run file holds them, with their distributions.

use surprisal_data::run_file::{DenseNetwork, DenseSeries, FrameEnergies, Reader, RunFileError};
use surprisal_objective::calibration::recalibration::{Dispersed, Stretch};
use surprisal_objective::likelihood::{Coupling, Kind, LikelihoodConfig, Marginal, Standardization};
use surprisal_objective::{Columns, SampleColumns};

use crate::ReportError;
use crate::recalibration::{FITTED_ON, Independence, Predictions, Recalibration};
use crate::run_data::{
    FrameEnergy, LearnedCurve, LearnedPoint, LearnedTerm, SplitData, Spread, Trajectory, root_mean_square,
};

/// A split and the distributions that were predicted for it.
pub(crate) struct Predicted<'a> {
    pub(crate) data: SplitData,
    /// `[n·d]`.
    marginals: Vec<Option<Box<dyn Marginal>>>,
    /// `None` where the family is not one of location and scale.
    stretch: Option<Stretch<'a>>,
    /// `None` where the family has no parameter of its spread alone.
    dispersed: Option<Dispersed<'a>>,
    independent: Independence,
}

impl<'a> Predicted<'a> {
    /// Reads a split; every predicted component is judged once by its marginal.
    pub(crate) fn read(
        reader: &Reader,
        name: &str,
        likelihood: &'a LikelihoodConfig,
        coupling: Coupling,
        members: usize,
    ) -> Result<Self, ReportError> {
        let target = reader.column(name, "target")?;
        let (n, dim) = (target.n_samples, target.width);
        let blocks = likelihood.get().coupling().unwrap_or(coupling).blocks(dim);
        let column = |column: &str, width: usize| -> Result<Vec<f64>, ReportError> {
            let values = reader.column(name, column)?.values;
            if values.len() == n * width {
                return Ok(values);
            }
            Err(ReportError::Shape {
                path: reader.path().to_owned(),
                split: name.to_owned(),
                column: column.to_owned(),
                expected: n * width,
                found: values.len(),
            })
        };
        let mut split = SplitData::new(name, dim);
        split.energies = energies(reader, name)?;
        split.nll = column("nll", 1)?;
        split.group = reader.group(name)?.into_iter().map(u64::from).collect();
        if n == 0 || split.nll.iter().all(|v| v.is_nan()) {
            let independent = Independence::Independent;
            return Ok(Self { data: split, marginals: vec![], stretch: None, dispersed: None, independent });
        }
        let columns = Columns::new(likelihood, blocks, members);
        let location = column("location", columns.location_width())?;
        let parameters = columns
            .parameters()
            .into_iter()
            .map(|(name, width)| Ok((width, column(name, width)?)))
            .collect::<Result<Vec<_>, ReportError>>()?;
        let mut named: Vec<(&'static str, Vec<f64>)> = vec![];
        let mut marginals = Vec::with_capacity(n * dim);
        for (i, targets) in target.values.chunks_exact(dim).enumerate() {
            let sample = SampleColumns {
                location: &location[i * columns.location_width()..(i + 1) * columns.location_width()],
                parameters: parameters.iter().map(|(width, values)| &values[i * width..(i + 1) * width]).collect(),
            };
            let predicted = columns.marginals(&sample);
            let uncertainties = columns.uncertainties(&sample);
            for ((y, marginal), uncertainties) in targets.iter().zip(predicted).zip(uncertainties) {
                split.push(*y, marginal.as_deref());
                marginals.push(marginal);
                for (k, (uncertainty, value)) in uncertainties.into_iter().enumerate() {
                    if named.len() <= k {
                        named.push((uncertainty, Vec::with_capacity(n * dim)));
                    }
                    named[k].1.push(value);
                }
            }
        }
        split.uncertainties = named
            .into_iter()
            .map(|(uncertainty, values)| {
                (uncertainty.to_owned(), values.chunks_exact(dim).map(root_mean_square).collect())
            })
            .collect();
        let independent = match dim == 1 || (blocks.block_dim == 1 && members == 1) {
            true => Independence::Independent,
            false => Independence::Coupled,
        };
        let values: Vec<Vec<f64>> = parameters.into_iter().map(|(_, values)| values).collect();
        let targets = split.target.clone();
        let dispersed = Dispersed::new(likelihood, blocks, members, location.clone(), values.clone(), targets);
        let dispersed = dispersed.filter(|d| d.nll(1.0).is_ok_and(|nll| agree(&nll, &split.nll)));
        // Reported locations may start elsewhere than unconstrained ones.
        let start = likelihood.get().location(&vec![0.0; likelihood.get().location_width(blocks.block_dim)]);
        let unconstrained = location.iter().zip(start.iter().cycle()).map(|(location, start)| location - start);
        let stretch = Stretch {
            likelihood: likelihood.get(),
            blocks,
            members,
            location: unconstrained.collect(),
            parameters: values,
            center: split.mean.clone(),
            target: split.target.clone(),
        };
        (split.trajectories, split.learned) = trajectories(reader, name, dim, &marginals, members)?;
        let stretch = Some(stretch).filter(|s| scales(s, &split.nll));
        Ok(Self { data: split, marginals, stretch, dispersed, independent })
    }

    fn predictions(&self) -> Predictions<'_> {
        let stretched_nll = self.stretch.as_ref().map(|stretch| {
            // What could be evaluated once can be evaluated again.
            let nll = |factor| stretch.nll(factor).unwrap_or_else(|_| vec![f64::NAN; self.data.n_samples()]);
            Box::new(nll) as Box<dyn Fn(f64) -> Vec<f64> + '_>
        });
        let (dispersed, independent) = (self.dispersed.as_ref(), self.independent);
        Predictions { split: &self.data, marginals: &self.marginals, stretched_nll, dispersed, independent }
    }
}

/// Whether the predictions can be stretched: a family on the whole real line, whose NLL as it was
/// reported follows from what the run file holds.
fn scales(stretch: &Stretch<'_>, reported: &[f64]) -> bool {
    if stretch.likelihood.standardization() != Standardization::ShiftAndScale {
        return false;
    }
    stretch.nll(1.0).is_ok_and(|nll| agree(&nll, reported))
}

/// Whether the NLL that follows from the file is the reported one.
fn agree(found: &[f64], reported: &[f64]) -> bool {
    /// Of the reported NLL; predictions may have passed through single precision.
    const TOLERANCE: f64 = 1e-5;
    let near = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * (1.0 + b.abs());
    found.iter().zip(reported).all(near)
}

/// Fits on the validation split, where there is one, and applies to the tests.
pub(crate) fn recalibrate(kind: Kind, seed: u64, splits: &[Predicted<'_>]) -> Option<Recalibration> {
    let valid = splits.iter().find(|s| s.data.name == FITTED_ON)?;
    let tests: Vec<Predictions<'_>> = splits
        .iter()
        .filter(|s| ![FITTED_ON, "train"].contains(&s.data.name.as_str()))
        .map(Predicted::predictions)
        .collect();
    Recalibration::fit(kind, seed, &valid.predictions(), &tests)
}

/// The frames of a split whose energy is known and predicted.
fn energies(reader: &Reader, split: &str) -> Result<Vec<FrameEnergy>, RunFileError> {
    let Some(FrameEnergies { n_atoms, reference, predicted }) = reader.frame_energies(split)? else {
        return Ok(vec![]);
    };
    let frames = reference.into_iter().zip(predicted).zip(n_atoms);
    let frames = frames.map(|((reference, predicted), n_atoms)| FrameEnergy { reference, predicted, n_atoms });
    Ok(frames.filter(|f| f.reference.is_finite() && f.predicted.is_finite()).collect())
}

/// The solutions of a differential equation in a split. Its samples are the last times of each trajectory: what
/// comes before them is where it starts.
fn trajectories(
    reader: &Reader,
    split: &str,
    dim: usize,
    marginals: &[Option<Box<dyn Marginal>>],
    members: usize,
) -> Result<(Vec<Trajectory>, Vec<LearnedTerm>), RunFileError> {
    if !reader.has_series(split) {
        return Ok((vec![], vec![]));
    }
    let (series, samples) = (reader.series(split)?, reader.group(split)?);
    let n_trajectories = series.group.iter().max().map_or(0, |last| *last as usize + 1);
    let spread = if members > 1 { Spread::Members } else { Spread::Parameters };
    let mut trajectories = vec![Trajectory { spread, ..Trajectory::default() }; n_trajectories];
    for (k, &group) in series.group.iter().enumerate() {
        let trajectory = &mut trajectories[group as usize];
        trajectory.time.push(series.time[k]);
        trajectory.observed.extend(&series.observed[k * dim..(k + 1) * dim]);
    }
    let (time, group, state) = match series.dense.time.is_empty() {
        true => (&series.time, &series.group, &series.state),
        false => (&series.dense.time, &series.dense.group, &series.dense.state),
    };
    for (k, &group) in group.iter().enumerate() {
        let trajectory = &mut trajectories[group as usize];
        trajectory.dense_time.push(time[k]);
        trajectory.state.extend(&state[k * dim..(k + 1) * dim]);
        trajectory.sd.extend(series.dense.sd.get(k * dim..(k + 1) * dim).unwrap_or_default());
    }
    let mut n_samples = vec![0; n_trajectories];
    for &group in &samples {
        if let Some(n) = n_samples.get_mut(group as usize) {
            *n += 1;
        }
    }
    let mut first = 0;
    for (trajectory, n) in trajectories.iter_mut().zip(n_samples) {
        let n = dim * n;
        trajectory.interval = vec![(f64::NAN, f64::NAN); trajectory.observed.len().saturating_sub(n)];
        let ends = |m: &dyn Marginal| (m.quantile(0.05), m.quantile(0.95));
        let of_samples = marginals.iter().skip(first).take(n);
        trajectory.interval.extend(of_samples.map(|m| m.as_deref().map_or((f64::NAN, f64::NAN), ends)));
        first += n;
    }
    let learned = series.dense.networks.iter().map(|network| learned(network, &series.dense, &trajectories)).collect();
    Ok((trajectories, learned))
}

/// A network along the dense solutions, cut into trajectories and models.
fn learned(network: &DenseNetwork, dense: &DenseSeries, trajectories: &[Trajectory]) -> LearnedTerm {
    let (n_in, n_out) = (network.inputs.len(), network.outputs.len());
    let rows = network.input.chunks_exact(n_in.max(1)).zip(network.output.chunks_exact(n_out.max(1)));
    let mut curves: Vec<LearnedCurve> = vec![];
    let mut measured = vec![None; n_in];
    for (k, (input, output)) in rows.enumerate() {
        let (model, at) = (k / dense.time.len(), k % dense.time.len());
        let trajectory = dense.group[at] as usize;
        if curves.last().is_none_or(|curve| (curve.model, curve.trajectory) != (model, trajectory)) {
            curves.push(LearnedCurve { trajectory, model, points: vec![] });
        }
        let known = trajectories.get(trajectory).is_some_and(|t| t.time.contains(&dense.time[at]));
        if model == 0 && known {
            for (range, &x) in measured.iter_mut().zip(input) {
                let (low, high) = range.unwrap_or((x, x));
                *range = Some((x.min(low), x.max(high)));
            }
        }
        if let Some(curve) = curves.last_mut() {
            let reference = network.reference.get(k * n_out..(k + 1) * n_out).unwrap_or_default().to_vec();
            curve.points.push(LearnedPoint { input: input.to_vec(), output: output.to_vec(), reference });
        }
    }
    let (inputs, outputs) = (network.inputs.clone(), network.outputs.clone());
    LearnedTerm { name: network.name.clone(), inputs, outputs, curves, measured }
}
