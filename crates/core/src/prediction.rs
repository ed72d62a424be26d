//! What a training step exchanges between predictor and objective.
//!
//! Both sides meet in float64 on the CPU: predictions are small, and sums of single-precision
//! losses are not trustworthy. The predictor's own device and type stay its own affair.

use candle_core::{DType, Device, Result, Tensor};

/// What a likelihood asks of a predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Components of one observation (1 for a scalar target, 3 for a force).
    pub dim: usize,
    /// Width of [`Prediction::location`]; `dim` where the location lives in the data's own space.
    pub location: usize,
    /// Width of [`Prediction::outputs`]; 0 where nothing beside the location is predicted.
    pub outputs: usize,
}

/// What a penalty wants to know of every sample, beside the prediction at its own inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// The prediction where one input is another.
    Moved {
        /// Which input is moved.
        input: usize,
        /// By how much, in the standardised units the predictor sees.
        shift: f64,
    },
    /// The inputs themselves in standardised units, `[n_samples, n_inputs]`; nothing is trained in them.
    Inputs,
    /// What a network within equations puts out on the predicted trajectory at the sample's time,
    /// divided by its output scale, `[n_samples, n_outputs]`.
    Network {
        /// Its name.
        network: String,
    },
    /// How much an expression of states has changed since the trajectory began, in the data's own
    /// units, `[n_samples, 1]`.
    Change {
        /// The expression.
        expression: String,
    },
    /// Something along every trajectory at times of the penalty's own, one row per group:
    /// `[n_groups, n_times * width]`.
    Along {
        /// What.
        sought: Sought,
        /// When.
        times: Times,
    },
}

/// What can be asked for at any time of a predicted trajectory.
#[derive(Debug, Clone, PartialEq)]
pub enum Sought {
    /// An expression of states, in the data's own units; width 1.
    Formula {
        /// The expression.
        expression: String,
    },
    /// The rate of change of a state, less an expression for it, in the data's own units; width 1.
    Residual {
        /// The state's name.
        state: String,
        /// The expression.
        rhs: String,
    },
    /// The outputs of a network within equations, divided by its output scale.
    Network {
        /// Its name.
        network: String,
    },
    /// The energy that the right-hand side is made of; width 1.
    Energy,
}

/// Times of a trajectory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Times {
    /// So many from its start to its last time, or to another, evenly spread, both ends among them.
    Grid {
        /// How many, at least 2.
        points: usize,
        /// Where they end, in the data's time.
        until: Option<f64>,
    },
    /// One, in the data's time.
    At {
        /// Which.
        time: f64,
    },
}

/// What the rows of a prediction's tensors stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rows {
    /// Samples.
    #[default]
    Samples,
    /// Groups: of a [`Probe::Along`].
    Groups,
}

/// What a predictor says of the samples of a shard or batch, float64 on the CPU, without history.
///
/// An ensemble of M members says M things of each sample, side by side: its widths are M times those
/// of the [`Layout`].
#[derive(Debug, Clone)]
pub struct Prediction {
    /// `[n_samples, layout.location]`: where the distribution sits, in standardised target units.
    pub location: Tensor,
    /// `[n_samples, layout.outputs]`: unconstrained ("raw") values of the other parameters; `None`
    /// where `layout.outputs` is 0.
    pub outputs: Option<Tensor>,
    /// `[n_groups]`: energies of frames, for predictors that have them; `[n_groups, M]` of an ensemble.
    pub energy: Option<Tensor>,
    /// One for each [`Probe`] that was asked for; what is no prediction stands in `location` alone.
    pub probes: Vec<Prediction>,
    /// Of `location` and `outputs`.
    pub rows: Rows,
}

/// ∂loss/∂prediction: the same fields, the same shapes.
pub type Cotangent = Prediction;

impl Prediction {
    /// Of samples alone.
    pub fn new(location: Tensor, outputs: Option<Tensor>) -> Self {
        Self { location, outputs, energy: None, probes: vec![], rows: Rows::Samples }
    }

    /// The answer to a [`Probe::Along`].
    pub fn of_groups(location: Tensor) -> Self {
        Self { rows: Rows::Groups, ..Self::new(location, None) }
    }

    /// The samples of all shards, one after the other.
    ///
    /// # Panics
    /// If there is no shard.
    pub fn concatenate(shards: &[Prediction]) -> Result<Prediction> {
        Self::join(&shards.iter().collect::<Vec<_>>(), 0)
    }

    /// What the members of an ensemble say of the same samples, side by side.
    ///
    /// # Panics
    /// If there is no member.
    pub fn side_by_side(members: &[Prediction]) -> Result<Prediction> {
        if let [one] = members {
            return Ok(one.clone());
        }
        let energies: Vec<&Tensor> = members.iter().filter_map(|m| m.energy.as_ref()).collect();
        let energy = if energies.is_empty() { None } else { Some(Tensor::stack(&energies, 1)?) };
        let samples: Vec<Prediction> = members.iter().map(|m| Self { energy: None, ..m.clone() }).collect();
        Ok(Self { energy, ..Self::join(&samples.iter().collect::<Vec<_>>(), 1)? })
    }

    fn join(parts: &[&Prediction], dim: usize) -> Result<Prediction> {
        let optional = |field: fn(&Prediction) -> Option<&Tensor>| -> Result<Option<Tensor>> {
            let present: Vec<&Tensor> = parts.iter().filter_map(|p| field(p)).collect();
            if present.is_empty() { Ok(None) } else { Tensor::cat(&present, dim).map(Some) }
        };
        let location: Vec<&Tensor> = parts.iter().map(|p| &p.location).collect();
        let probe = |i: usize| Self::join(&parts.iter().map(|p| &p.probes[i]).collect::<Vec<_>>(), dim);
        Ok(Prediction {
            location: Tensor::cat(&location, dim)?,
            outputs: optional(|p| p.outputs.as_ref())?,
            energy: optional(|p| p.energy.as_ref())?,
            probes: (0..parts[0].probes.len()).map(probe).collect::<Result<_>>()?,
            rows: parts[0].rows,
        })
    }

    /// The inverse of [`Prediction::concatenate`], given each shard's numbers of samples and groups.
    pub fn split(&self, sizes: &[(usize, usize)]) -> Result<Vec<Prediction>> {
        let (mut sample, mut group) = (0, 0);
        sizes
            .iter()
            .map(|&(n_samples, n_groups)| {
                let part = self.part((sample, n_samples), (group, n_groups));
                sample += n_samples;
                group += n_groups;
                part
            })
            .collect()
    }

    fn part(&self, samples: (usize, usize), groups: (usize, usize)) -> Result<Prediction> {
        let rows = match self.rows {
            Rows::Samples => samples,
            Rows::Groups => groups,
        };
        Ok(Prediction {
            location: self.location.narrow(0, rows.0, rows.1)?,
            outputs: self.outputs.as_ref().map(|t| t.narrow(0, rows.0, rows.1)).transpose()?,
            energy: self.energy.as_ref().map(|t| t.narrow(0, groups.0, groups.1)).transpose()?,
            probes: self.probes.iter().map(|p| p.part(samples, groups)).collect::<Result<_>>()?,
            rows: self.rows,
        })
    }

    /// The inverse of [`Prediction::side_by_side`] for `n` members of equal widths.
    pub fn members(&self, n: usize) -> Result<Vec<Prediction>> {
        if n == 1 {
            return Ok(vec![self.clone()]);
        }
        let columns = |t: &Tensor, k: usize| -> Result<Tensor> {
            let width = t.dim(1)? / n;
            t.narrow(1, k * width, width)?.contiguous()
        };
        (0..n)
            .map(|k| {
                Ok(Prediction {
                    location: columns(&self.location, k)?,
                    outputs: self.outputs.as_ref().map(|t| columns(t, k)).transpose()?,
                    energy: self.energy.as_ref().map(|t| t.narrow(1, k, 1)?.squeeze(1)?.contiguous()).transpose()?,
                    probes: self.probes.iter().map(|p| Ok(p.members(n)?.swap_remove(k))).collect::<Result<_>>()?,
                    rows: self.rows,
                })
            })
            .collect()
    }

    /// Energies of frames, `[n_groups]`: the mean over the members of an ensemble.
    pub fn mean_energy(&self) -> Result<Option<Tensor>> {
        let mean = |energy: &Tensor| if energy.rank() == 1 { Ok(energy.clone()) } else { energy.mean(1) };
        self.energy.as_ref().map(mean).transpose()
    }
}

/// What was observed, float64 on the CPU, in the standardised units the predictor works in.
#[derive(Debug, Clone)]
pub struct Target {
    /// `[n_samples, dim]`.
    pub value: Tensor,
    /// `[n_samples, dim]` of 1 (observed) and 0 (missing); `None` where everything was observed.
    pub observed: Option<Tensor>,
    /// Group of each sample within the batch, counted from 0, non-decreasing.
    pub group: Vec<u32>,
    /// Number of groups.
    pub n_groups: usize,
    /// `[n_groups]` energies; NaN where a frame has none, `None` where no frame has one.
    pub energy: Option<Tensor>,
    /// `[n_groups]` of attribute numbers each: what a penalty may condition on and a model need not see.
    pub attributes: Vec<Vec<u32>>,
    /// `[n_groups]` weights; empty where all weigh the same.
    pub weight: Vec<f64>,
}

impl Target {
    /// Joins the targets of groups that each hold some samples.
    ///
    /// `values` and `observed` are row-major `[n_samples, dim]` per group; `observed` is empty where
    /// everything was observed.
    pub fn from_groups<'a>(dim: usize, groups: impl IntoIterator<Item = GroupTarget<'a>>) -> Result<Target> {
        let (mut value, mut observed, mut group, mut energy) = (vec![], vec![], vec![], vec![]);
        let mut n_groups = 0;
        let mut attributes: Vec<Vec<u32>> = vec![];
        let mut weight = vec![];
        for target in groups {
            attributes.resize(target.attributes.len(), vec![]);
            attributes.iter_mut().zip(target.attributes).for_each(|(all, one)| all.push(*one));
            let n_samples = target.values.len() / dim;
            value.extend_from_slice(target.values);
            if target.observed.is_empty() {
                observed.extend(std::iter::repeat_n(1.0, target.values.len()));
            } else {
                observed.extend_from_slice(target.observed);
            }
            group.extend(std::iter::repeat_n(n_groups as u32, n_samples));
            weight.push(target.weight);
            energy.push(target.energy.unwrap_or(f64::NAN));
            n_groups += 1;
        }
        let cpu = &Device::Cpu;
        let n_samples = group.len();
        let everything = observed.iter().all(|&o| o == 1.0);
        Ok(Target {
            value: Tensor::from_vec(value, (n_samples, dim), cpu)?,
            observed: if everything { None } else { Some(Tensor::from_vec(observed, (n_samples, dim), cpu)?) },
            group,
            n_groups,
            energy: if energy.iter().all(|e| e.is_nan()) {
                None
            } else {
                Some(Tensor::from_vec(energy, n_groups, cpu)?)
            },
            attributes,
            weight: if weight.iter().all(|w| *w == 1.0) { vec![] } else { weight },
        })
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.group.len()
    }

    /// The group of each sample as an index tensor.
    pub fn group_index(&self) -> Result<Tensor> {
        Tensor::new(self.group.as_slice(), &Device::Cpu)
    }

    /// Σ over the samples of each group: `[n_samples, d]` → `[n_groups, d]`.
    pub fn sum_groups(&self, values: &Tensor) -> Result<Tensor> {
        let d = values.dim(1)?;
        Tensor::zeros((self.n_groups, d), DType::F64, &Device::Cpu)?.index_add(&self.group_index()?, values, 0)
    }
}

/// The observed part of one group, as plain numbers.
#[derive(Debug, Clone, Copy)]
pub struct GroupTarget<'a> {
    /// Row-major `[n_samples, dim]`.
    pub values: &'a [f64],
    /// Row-major `[n_samples, dim]` of 1 and 0; empty where everything was observed.
    pub observed: &'a [f64],
    /// The group's energy, if it has one.
    pub energy: Option<f64>,
    /// Its attributes, by number.
    pub attributes: &'a [u32],
    /// How much the group counts where the risk weighs samples; 1 otherwise.
    pub weight: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of groups go with their groups, whatever the number of samples.
    #[test]
    fn shards_join_and_split_by_samples_and_by_groups() -> Result<()> {
        let cpu = &Device::Cpu;
        let shard = |n_samples: usize, n_groups: usize, first: f64| -> Result<Prediction> {
            let of_groups = Tensor::arange(first, first + (2 * n_groups) as f64, cpu)?.reshape((n_groups, 2))?;
            Ok(Prediction {
                probes: vec![Prediction::of_groups(of_groups)],
                ..Prediction::new(Tensor::arange(first, first + n_samples as f64, cpu)?.unsqueeze(1)?, None)
            })
        };
        let shards = [shard(5, 2, 0.0)?, shard(1, 1, 10.0)?];
        let joined = Prediction::concatenate(&shards)?;
        assert_eq!(joined.probes[0].location.dims(), [3, 2]);
        for (part, shard) in joined.split(&[(5, 2), (1, 1)])?.iter().zip(&shards) {
            assert_eq!(part.location.to_vec2::<f64>()?, shard.location.to_vec2::<f64>()?);
            let of_groups = |p: &Prediction| p.probes[0].location.to_vec2::<f64>();
            assert_eq!((part.probes[0].rows, of_groups(part)?), (Rows::Groups, of_groups(shard)?));
        }
        Ok(())
    }

    /// Members side by side come apart again, frames' energies and probes included.
    #[test]
    fn members_come_apart_as_they_were() -> Result<()> {
        let cpu = &Device::Cpu;
        let numbers =
            |n, width, first: f64| Tensor::arange(first, first + (n * width) as f64, cpu)?.reshape((n, width));
        let member = |first: f64| -> Result<Prediction> {
            Ok(Prediction {
                energy: Some(numbers(2, 1, 10.0 * first)?.squeeze(1)?),
                probes: vec![Prediction::new(numbers(3, 2, -first)?, None)],
                ..Prediction::new(numbers(3, 2, first)?, Some(numbers(3, 1, 100.0 * first)?))
            })
        };
        let members = [member(1.0)?, member(20.0)?, member(-7.0)?];
        let joined = Prediction::side_by_side(&members)?;
        assert_eq!((joined.location.dims(), joined.probes[0].location.dims()), (&[3, 6][..], &[3, 6][..]));
        let flat = |p: &Prediction| -> Result<Vec<Vec<f64>>> {
            let tensors = [Some(&p.location), p.outputs.as_ref(), p.energy.as_ref(), Some(&p.probes[0].location)];
            tensors.into_iter().flatten().map(|t| t.flatten_all()?.to_vec1()).collect()
        };
        for (apart, member) in joined.members(3)?.iter().zip(&members) {
            assert_eq!(flat(apart)?, flat(member)?);
        }
        let energy = joined.mean_energy()?.expect("energies").to_vec1::<f64>()?;
        assert!((energy[0] - 10.0 * (1.0 + 20.0 - 7.0) / 3.0).abs() < 1e-12);
        Ok(())
    }
}
