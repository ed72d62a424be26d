//! The expression language: values, derivatives, texts.

mod derivatives;
mod language;
mod mistakes;
mod programs;
mod random;
mod reference;
mod roundtrip;
mod tensors;
