//! How well predicted distributions agree with what was observed.
