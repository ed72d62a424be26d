//! The run file: what is written is read.

mod example;
mod h5md;
mod roundtrip;
