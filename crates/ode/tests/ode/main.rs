//! Tests of the public interface: contracts of fields, order, references, gradients, failures.

mod convergence;
mod equation_mistakes;
mod equations;
mod events;
mod failures;
mod field_contract;
mod fields;
mod fixed_steps;
mod gradient;
mod lanes;
mod mechanics;
mod reference;
mod single_precision;
mod stiff;
mod tensors;
mod through_diffsol;
mod validity;
