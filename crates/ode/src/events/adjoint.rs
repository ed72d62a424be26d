//! The reverse pass over rounds of pieces with jumps between them.

use super::jump::Jump;
use crate::batch::{Batch, BatchGradient, BatchTape};
use crate::equations::System;
use crate::field::VectorField;
use crate::tape::Tape;

/// A piece of a trajectory, and what happened at its end.
pub(super) struct Leg {
    pub(super) problem: usize,
    /// The data times in it: the first, and how many.
    pub(super) first_recorded: usize,
    pub(super) n_recorded: usize,
    /// Whether its end is the last of them.
    pub(super) ends_on_data: bool,
    pub(super) jumps: Vec<Jump>,
}

/// How the pieces of a round were solved, in the order of its legs.
pub(super) enum Pieces {
    /// There are none: events at the very start.
    None,
    Batch(Batch),
    /// `None` where it failed.
    Watched(Vec<Option<Tape>>),
}

pub(super) struct Round {
    pub(super) pieces: Pieces,
    pub(super) legs: Vec<Leg>,
}

/// The record of trajectories with events.
pub(super) struct EventTape {
    pub(super) system: System,
    pub(super) rounds: Vec<Round>,
    /// Number of data times of every problem.
    pub(super) lengths: Vec<usize>,
}

impl BatchTape for EventTape {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let n = field.dim();
        let mut parameter_bar = vec![0.0; parameters.len()];
        // of the state at the point that the sweep has reached, from the end: data times behind a stop
        // measure where it was
        let mut z_bars: Vec<Vec<f64>> = vec![vec![0.0; n]; cotangents.len()];
        for (p, z_bar) in z_bars.iter_mut().enumerate() {
            for g in cotangents[p].chunks_exact(n).take(self.lengths[p]).skip(self.n_solved(p)) {
                z_bar.iter_mut().zip(g).for_each(|(bar, g)| *bar += g);
            }
        }
        for round in self.rounds.iter().rev() {
            for leg in &round.legs {
                for jump in leg.jumps.iter().rev() {
                    jump.pull_back(&self.system, parameters, &mut z_bars[leg.problem], &mut parameter_bar);
                }
            }
            let of_legs: Vec<Vec<f64>> =
                round.legs.iter().map(|leg| leg.cotangent(&cotangents[leg.problem], &z_bars[leg.problem])).collect();
            match &round.pieces {
                Pieces::None => {}
                Pieces::Batch(batch) => {
                    let gradient = batch.pullback(field, parameters, &of_legs);
                    parameter_bar.iter_mut().zip(&gradient.parameters).for_each(|(sum, g)| *sum += g);
                    for (leg, y0) in round.legs.iter().zip(gradient.y0) {
                        z_bars[leg.problem] = y0;
                    }
                }
                Pieces::Watched(tapes) => {
                    for ((leg, tape), cotangent) in round.legs.iter().zip(tapes).zip(&of_legs) {
                        z_bars[leg.problem] = match tape {
                            Some(tape) => tape.accumulate(field, parameters, cotangent, &mut parameter_bar),
                            None => vec![0.0; n],
                        };
                    }
                }
            }
        }
        for (z_bar, cotangent) in z_bars.iter_mut().zip(cotangents) {
            z_bar.iter_mut().zip(cotangent).for_each(|(bar, g)| *bar += g);
        }
        BatchGradient { y0: z_bars, parameters: parameter_bar }
    }
}

impl EventTape {
    /// Data times of a problem that were solved, the first included.
    fn n_solved(&self, problem: usize) -> usize {
        let legs = self.rounds.iter().flat_map(|round| &round.legs).filter(|leg| leg.problem == problem);
        1 + legs.map(|leg| leg.n_recorded).sum::<usize>()
    }
}

impl Leg {
    /// Cotangents of the piece's states, its start included: those of its data times, and at its end
    /// what comes back from behind it.
    fn cotangent(&self, of_data: &[f64], of_end: &[f64]) -> Vec<f64> {
        let n = of_end.len();
        let mut cotangent = vec![0.0; n];
        cotangent.extend_from_slice(&of_data[self.first_recorded * n..][..self.n_recorded * n]);
        if !self.ends_on_data {
            cotangent.resize(cotangent.len() + n, 0.0);
        }
        let end = cotangent.len() - n;
        cotangent[end..].iter_mut().zip(of_end).for_each(|(bar, end)| *bar += end);
        cotangent
    }
}
