//! Tests of the public interface: contracts of fields, order, references, gradients, failures.

mod convergence;
mod failures;
mod fields;
mod field_contract;
mod gradient;
mod lanes;
mod reference;
