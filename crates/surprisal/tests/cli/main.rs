//! The binary as a person meets it: what it prints, what it leaves, how it stops and goes on.

mod architecture;
mod configs;
mod equations;
mod errors;
mod place;
mod resume;
mod runs;
