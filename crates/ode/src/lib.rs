//! Initial value problems dy/dt = f(t, y; θ) with exact gradients of what was computed.
//!
//! A [`VectorField`] gives f with its products vᵀJ and Jv. A [`Solver`] integrates many
//! [`Problem`]s and returns a [`Batch`]: the states at the data times, and a tape whose
//! [`Batch::pullback`] is the *discrete adjoint*, the reverse of the very steps that were taken,
//! interpolation included. It is therefore the gradient of the numbers the loss saw, at any
//! tolerance; what is held fixed is the sequence of step sizes.
//!
//! ```
//! use surprisal_ode::{BuildField, MlpField, Problem, Solver, Tsit5};
//!
//! let field = MlpField { hidden: vec![16], ..MlpField::default() }.build(2);
//! let parameters = field.initial_parameters(7);
//! let solver = Tsit5::new(1e-6, 1e-8);
//! let problems = [Problem { y0: vec![1.0, 0.0], times: vec![0.0, 0.5, 1.0] }];
//! let batch = solver.solve_many(field.as_ref(), &parameters, &problems);
//! let states = &batch.trajectories[0].as_ref().unwrap().states; // [n_times * 2]
//! let gradient = batch.pullback(field.as_ref(), &parameters, &[states.clone()]);
//! assert_eq!(gradient.parameters.len(), field.n_parameters());
//! ```
//!
//! Everything is float64 on plain slices, row-major; only the layers of a network may be float32
//! (`dtype` of [`MlpField`]).

pub mod adjoint;
pub mod auto;
pub mod batch;
pub mod continuous_adjoint;
pub mod controller;
pub mod equations;
pub mod error;
mod events;
pub mod field;
mod fixed_step;
mod group;
mod group_adjoint;
mod guard;
pub mod leapfrog;
mod memory;
pub mod precision;
pub mod rk4;
pub mod solve;
pub mod solver;
pub mod stiff;
pub mod tableau;
pub mod tape;
pub mod tensors;
pub mod through_diffsol;
pub mod tolerance;
pub mod tsit5;

pub use adjoint::Gradient;
pub use auto::Auto;
pub use batch::{Batch, BatchGradient, Problem, Trajectory};
pub use continuous_adjoint::{Adjoined, ContinuousAdjoint, GradientConfig};
pub use equations::{EquationError, Equations, System};
pub use error::OdeError;
pub use field::activation::Activation;
pub use field::energy::Energy;
pub use field::hamiltonian::HamiltonianField;
pub use field::lagrangian::LagrangianField;
pub use field::lanes::{LANES, LaneField, Row};
pub use field::mlp::{Mlp, MlpField};
pub use field::second_order::SecondOrderField;
pub use field::{BuildField, FieldConfig, FieldQuantity, ParameterBlock, Units, VectorField, Velocities};
pub use guard::Direction;
pub use leapfrog::Leapfrog;
pub use rk4::Rk4;
pub use solve::{Solution, Statistics, solve};
pub use solver::{Solver, SolverConfig};
pub use stiff::{Esdirk3, Kvaerno5};
pub use tape::Tape;
pub use tensors::{OnDevice, TensorField};
pub use through_diffsol::{Bdf, Esdirk34};
pub use tolerance::Tolerance;
pub use tsit5::Tsit5;
