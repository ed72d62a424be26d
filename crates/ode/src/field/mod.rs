//! Vector fields f(t, y; θ) with the two products of their Jacobian.
//!
//! With J = ∂f/∂y `[n, n]` and P = ∂f/∂θ `[n, p]`, a field gives f, the pair (vᵀJ, vᵀP) and Ju.
//! Evaluating f writes a *tape*: whatever the products need of that evaluation. A solver stores the
//! tapes of all its stages, so that its reverse pass evaluates nothing twice.

pub mod activation;
mod curvature;
mod curvature_lanes;
pub mod energy;
pub mod hamiltonian;
mod hamiltonian_lanes;
pub mod lagrangian;
pub mod lanes;
pub mod mlp;
pub(crate) mod mlp_lanes;
mod mlp_pass;
pub(crate) mod mlp_tensors;
mod motion;
mod motion_lanes;
mod number;
pub(crate) mod one_by_one;
mod products;
pub mod second_order;
mod second_order_tensors;
mod vector_tanh;

use candle_core::Device;
use surprisal_core::{Precision, Role, registry};

pub use motion::Velocities;

use crate::equations::Start;
use crate::tensors::TensorField;
use energy::Energy;
use hamiltonian::HamiltonianField;
use lagrangian::LagrangianField;
use lanes::LaneField;
use mlp::MlpField;
use second_order::SecondOrderField;

/// A consecutive part of a field's flat parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterBlock {
    /// Dotted path, unique within the field (`layers.0.weight`).
    pub name: String,
    /// Shape of the block, row-major.
    pub shape: Vec<usize>,
    /// What the block is for.
    pub role: Role,
}

impl ParameterBlock {
    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the block holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A parameter r that means something outside the field: `unit`·eʳ, a positive number in the data's units.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldQuantity {
    /// What it is.
    pub name: &'static str,
    /// The state that it belongs to.
    pub state: usize,
    /// The block of which r is all.
    pub block: String,
    /// Its value where r = 0.
    pub unit: f64,
}

/// The right-hand side of dy/dt = f(t, y; θ), with n = [`dim`](VectorField::dim) states and
/// p = [`n_parameters`](VectorField::n_parameters) parameters.
///
/// # Shapes
/// `parameters` and `parameter_bar` are `[p]`; `y`, `dy`, `cotangent`, `tangent`, `y_bar` are `[n]`;
/// `tape` is `[tape_len]`. Every output is overwritten except `parameter_bar`, which is added to.
/// The tape handed to a product is the one that [`rhs`](VectorField::rhs) wrote for the same
/// parameters, t and y. A field may write NaN where it is undefined: solvers then reject the step.
pub trait VectorField: Send + Sync {
    /// Number of states n.
    fn dim(&self) -> usize;

    /// How many of the last states never change: numbers of a trajectory's own that the field reads.
    /// They have no error, and are left out of its norm.
    fn n_resting(&self) -> usize {
        0
    }

    /// How far rounding beyond float64's scatters f, relative to f: that much of an error estimate is no
    /// error of the step.
    fn rounding(&self) -> f64 {
        0.0
    }

    /// What the flat parameters consist of, in their order.
    fn blocks(&self) -> Vec<ParameterBlock>;

    /// Number of parameters p.
    fn n_parameters(&self) -> usize {
        self.blocks().iter().map(ParameterBlock::len).sum()
    }

    /// Parameters that mean something outside the field.
    fn quantities(&self) -> Vec<FieldQuantity> {
        vec![]
    }

    /// Parameters to start training from, `[p]`; a function of the seed alone.
    fn initial_parameters(&self, seed: u64) -> Vec<f64>;

    /// Length of the tape of one evaluation.
    fn tape_len(&self) -> usize;

    /// `dy` = f(t, y; θ); fills the tape.
    fn rhs(&self, parameters: &[f64], t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]);

    /// `y_bar` = vᵀJ and `parameter_bar` += vᵀP, where v is the `cotangent`.
    #[allow(clippy::too_many_arguments)] // the arguments of a mathematical operation, not a mixed bag
    fn vjp(
        &self,
        parameters: &[f64],
        t: f64,
        y: &[f64],
        tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    );

    /// `dy_dot` = Ju, where u is the `tangent`.
    fn jvp(&self, parameters: &[f64], t: f64, y: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]);

    /// `jacobian` = J `[n, n]`, row-major.
    fn jacobian(&self, parameters: &[f64], t: f64, y: &[f64], tape: &[f64], jacobian: &mut [f64]) {
        let n = y.len();
        let (mut unit, mut column) = (vec![0.0; n], vec![0.0; n]);
        for j in 0..n {
            unit[j] = 1.0;
            self.jvp(parameters, t, y, tape, &unit, &mut column);
            unit[j] = 0.0;
            column.iter().enumerate().for_each(|(i, value)| jacobian[i * n + j] = *value);
        }
    }

    /// The field with these parameters for eight lanes at once, where it knows how; solvers of many
    /// problems then use nothing else of it.
    fn lanes<'a>(&'a self, _parameters: &'a [f64]) -> Option<Box<dyn LaneField + 'a>> {
        None
    }

    /// The field with these parameters as tensors on a device, for a whole batch at once, where it knows how.
    fn tensors<'a>(
        &'a self,
        _parameters: &'a [f64],
        _device: &Device,
    ) -> Option<candle_core::Result<Box<dyn TensorField + 'a>>> {
        None
    }

    /// The energy that the field keeps, or loses to friction, where it is made of one.
    fn energy(&self) -> Option<&dyn Energy> {
        None
    }
}

/// What an entry of the registry of fields does: become a field of so many states.
pub trait BuildField {
    /// The field of `dim` states.
    fn build(&self, dim: usize) -> Box<dyn VectorField>;

    /// The first impossible value of its configuration, in words that begin with the key in backticks.
    fn problem(&self) -> Option<String>;

    /// The states behind those that `n_columns` columns measure: how each starts.
    fn hidden_states(&self, _n_columns: usize) -> Vec<Start> {
        vec![]
    }

    /// Why it cannot be the field of so many measured columns, if it cannot.
    fn misfit(&self, _n_columns: usize) -> Option<String> {
        None
    }

    /// The field of columns and time in other units than the data's: a field of mechanics has
    /// derivatives of one state in another.
    fn build_in(&self, units: &Units) -> Box<dyn VectorField> {
        let n = units.columns.len();
        self.build(n + self.hidden_states(n).len())
    }
}

/// Units of the numbers that a field works with.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// `[n_columns]`: data units per unit of each measured state.
    pub columns: Vec<f64>,
    /// Data units of time per unit of time.
    pub time: f64,
}

impl FieldConfig {
    /// What its network computes in.
    pub fn dtype(&self) -> Precision {
        match self {
            Self::MlpField(mlp) => mlp.dtype,
            Self::SecondOrderField(second_order) => second_order.dtype,
            Self::HamiltonianField(_) | Self::LagrangianField(_) => Precision::Float64,
        }
    }
}

impl Units {
    /// The data's own.
    pub fn of_data(n_columns: usize) -> Self {
        Self { columns: vec![1.0; n_columns], time: 1.0 }
    }
}

registry! {
    /// Every vector field that needs nothing but the number of states.
    pub enum FieldConfig: dyn BuildField {
        "mlp" => MlpField,
        "second_order" => SecondOrderField,
        "hamiltonian" => HamiltonianField,
        "lagrangian" => LagrangianField,
    }
}
