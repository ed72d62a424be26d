//! The binary as a person meets it: what it prints, what it leaves, how it stops and goes on.

mod architecture;
mod configs;
mod equations;
mod errors;
mod latent_ode;
mod members;
mod minimizers;
mod place;
mod real;
mod reproduce;
mod resume;
mod runs;
mod settings;
mod studies;
mod tables;
