//! What is known of the predictions as a formula: r = 0, or r ≥ 0.
//!
//! With r(m, x) the expression of the expectations m and the inputs x of a sample, all in the data's
//! own units, and s the size of a violation that counts as 1: weight · mean over samples of (r/s)², or
//! of (−r/s)₊² for r ≥ 0; zero wherever the formula holds. Where s is not given it is the target scale
//! if r has one target in it, and 1 otherwise.

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Probe;
use surprisal_core::lanes::{LANES, Row};
use surprisal_expr::{Builder, ExprError, Expression, Program};

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Squared violation of a formula of target and input columns.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpressionPenalty {
    /// What should be 0; names are columns, targets stand for their predicted means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<String>,
    /// What should be 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonnegative: Option<String>,
    /// The violation that counts as 1, in the unit of the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

/// Where the value of a symbol comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Target(usize),
    Input(usize),
}

/// A compiled expression of a sample.
struct Formula {
    program: Program,
    /// One for each input of the program.
    columns: Vec<Column>,
}

impl ExpressionPenalty {
    /// The one expression there is, and its setting.
    fn text(&self) -> Option<(&'static str, &str)> {
        match (&self.residual, &self.nonnegative) {
            (Some(text), None) => Some(("residual", text)),
            (None, Some(text)) => Some(("nonnegative", text)),
            _ => None,
        }
    }

    fn compile(&self, facts: &Facts) -> std::result::Result<Formula, (&'static str, ExprError)> {
        let (setting, text) = self.text().unwrap_or(("residual", ""));
        let targets = facts.targets.iter().enumerate().map(|(i, name)| (name, Column::Target(i)));
        let inputs = facts.inputs.iter().enumerate().map(|(i, name)| (name, Column::Input(i)));
        let inputs = inputs.filter(|(name, _)| !facts.targets.contains(name));
        // a column may have a name that no formula can use
        let usable = targets.chain(inputs).filter(|(name, _)| Builder::new(&[name]).is_ok());
        let (names, columns): (Vec<&str>, Vec<Column>) = usable.map(|(name, column)| (name.as_str(), column)).unzip();
        let expression = Expression::parse(text).map_err(|error| (setting, error))?;
        let program = Program::compile(&names, &[], &[&expression]).map_err(|error| (setting, error))?;
        Ok(Formula { program, columns })
    }
}

impl Penalty for ExpressionPenalty {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        let scale = self.scale.filter(|scale| !(scale.is_finite() && *scale > 0.0));
        super::not_negative("weight", self.weight).or(scale.map(|scale| ("scale", "a positive number", scale)))
    }
}

impl PredictionPenalty for ExpressionPenalty {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        if self.text().is_none() {
            return Some("`residual` or `nonnegative`, one of the two".into());
        }
        facts.targets.is_empty().then(|| "targets with names".into())
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        self.compile(facts).err()
    }

    fn probes(&self, facts: &Facts) -> Vec<Probe> {
        let uses_inputs = self.compile(facts).is_ok_and(|formula| !formula.used(Column::is_input).is_empty());
        uses_inputs.then_some(Probe::Inputs).into_iter().collect()
    }

    fn value(&self, seen: &Seen<'_>) -> std::result::Result<Tensor, ObjectiveError> {
        let compiled = self.compile(seen.facts);
        let formula = compiled.map_err(|(setting, error)| ObjectiveError::Expression {
            penalty: "expression",
            index: 0,
            setting,
            error: Box::new(error),
        })?;
        let scale = self.scale.unwrap_or_else(|| match formula.used(Column::is_target)[..] {
            [Column::Target(target)] => seen.target_scale[target],
            _ => 1.0,
        });
        let inputs = match seen.probes {
            [inputs, ..] => in_data_units(inputs, seen.facts)?,
            [] => vec![],
        };
        let scales = Tensor::new(seen.target_scale, &Device::Cpu)?;
        let op = Evaluate { formula, n_inputs: seen.facts.inputs.len(), inputs };
        let violation = (seen.mean.broadcast_mul(&scales)?.contiguous()?.apply_op1(op)? / scale)?;
        let violation = if self.nonnegative.is_some() { violation.neg()?.relu()? } else { violation };
        Ok((violation.sqr()?.mean_all()? * self.weight)?)
    }
}

/// Row-major inputs from standardised ones; of an ensemble, whose members see the same, the first's.
fn in_data_units(standardized: &Tensor, facts: &Facts) -> Result<Vec<f64>> {
    let mut values = standardized.narrow(1, 0, facts.inputs.len())?.flatten_all()?.to_vec1::<f64>()?;
    let units = facts.input_scale.iter().zip(&facts.input_shift).cycle();
    values.iter_mut().zip(units).for_each(|(x, (scale, shift))| *x = shift + scale * *x);
    Ok(values)
}

impl Column {
    fn is_input(self) -> bool {
        matches!(self, Self::Input(_))
    }

    fn is_target(self) -> bool {
        matches!(self, Self::Target(_))
    }
}

impl Formula {
    /// The columns of a kind that the value depends on.
    fn used(&self, kind: fn(Column) -> bool) -> Vec<Column> {
        let used = self.columns.iter().enumerate().filter(|(i, _)| self.program.uses(*i));
        used.map(|(_, column)| *column).filter(|column| kind(*column)).collect()
    }
}

/// r of every sample: `[n, dim]` → `[n]`.
struct Evaluate {
    formula: Formula,
    n_inputs: usize,
    /// Row-major `[n, n_inputs]`, in the data's own units; empty where they are not used.
    inputs: Vec<f64>,
}

impl Evaluate {
    /// The program's values for samples `first` to `first` + 8; those behind the last repeat it.
    fn values(&self, means: &[f64], dim: usize, first: usize) -> Vec<Row> {
        let last = means.len() / dim - 1;
        let gather = |column: &Column| {
            let mut row = Row::ZERO;
            for (l, value) in row.0.iter_mut().enumerate() {
                let sample = (first + l).min(last);
                *value = match *column {
                    Column::Target(i) => means[sample * dim + i],
                    Column::Input(i) => self.inputs.get(sample * self.n_inputs + i).copied().unwrap_or(0.0),
                };
            }
            row
        };
        let symbols: Vec<Row> = self.formula.columns.iter().map(gather).collect();
        let mut values = vec![Row::ZERO; self.formula.program.n_values()];
        self.formula.program.evaluate(&symbols, &mut values);
        values
    }
}

impl CustomOp1 for Evaluate {
    fn name(&self) -> &'static str {
        "expression"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F64(means), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("expressions are evaluated on contiguous float64 tensors")
        };
        let (n, dim) = layout.shape().dims2()?;
        let means = &means[start..end];
        let blocks = (0..n).step_by(LANES).flat_map(|first| {
            let values = self.values(means, dim, first);
            self.formula.program.output(0, &values).0
        });
        Ok((CpuStorage::F64(blocks.take(n).collect()), Shape::from(n)))
    }

    fn bwd(&self, means: &Tensor, _: &Tensor, cotangent: &Tensor) -> Result<Option<Tensor>> {
        let (n, dim) = means.dims2()?;
        let cotangent = cotangent.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let means = means.flatten_all()?.to_vec1::<f64>()?;
        let program = &self.formula.program;
        let mut gradient = vec![0.0; n * dim];
        let mut scratch = vec![Row::ZERO; program.n_values()];
        for first in (0..n).step_by(LANES) {
            let values = self.values(&means, dim, first);
            let n_lanes = LANES.min(n - first);
            let mut bar = Row::ZERO;
            bar.0[..n_lanes].copy_from_slice(&cotangent[first..first + n_lanes]);
            let mut bars = vec![Row::ZERO; self.formula.columns.len()];
            program.vjp(&values, &[bar], &mut scratch, &mut bars);
            for (column, bar) in self.formula.columns.iter().zip(&bars) {
                if let Column::Target(i) = *column {
                    (0..n_lanes).for_each(|l| gradient[(first + l) * dim + i] = bar.0[l]);
                }
            }
        }
        Tensor::from_vec(gradient, (n, dim), &Device::Cpu).map(Some)
    }
}
