//! Differential equations as text: known terms as formulas, unknown ones as networks.
//!
//! ```toml
//! [model.ode.states]
//! x = { rhs = "alpha*x + nn.u", scale = 10.0 }
//! y = { rhs = "-delta*y + nn.v", scale = 10.0 }
//! [model.ode.parameters]
//! alpha = { init = 1.0, positive = true }
//! delta = { init = 1.0, positive = true }
//! [model.ode.networks.nn]
//! inputs = ["x", "y"]
//! outputs = ["u", "v"]
//! hidden = [32, 32]
//! ```
//!
//! Compiled, that is a [`System`]: a [`Hybrid`] field dz/dt = f(t, s·z; θ)/s in states divided by
//! their scales s, how a trajectory starts, what of it is measured, and which numbers are trained.
//! Symbols are the time `t`, states, parameters, input columns of the data, definitions, and the
//! outputs of networks as `network.output`; the language is that of [`surprisal_expr`].

mod compile;
mod config;
mod error;
mod event;
mod hybrid;
mod hybrid_lanes;
mod hybrid_tensors;
mod initial;
mod observed;
mod parameter;
mod prior;
mod quantity;
mod signal_table;
mod signals;
mod system;

pub use config::{Equations, NetworkConfig, ParameterConfig, StateConfig};
pub use error::{EquationError, EquationFault};
pub use event::{At, EventConfig};
pub use hybrid::Hybrid;
pub use initial::Initial;
pub use observed::Observed;
pub use parameter::{Parameter, Transform};
pub use prior::{Moments, Prior};
pub use quantity::Quantity;
pub use signals::{Signal, Signals};
pub use system::{Start, System};
