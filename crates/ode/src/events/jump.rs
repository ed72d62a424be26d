//! One event of one trajectory, and its derivative.

use surprisal_expr::Program;

use super::{Event, Trigger};
use crate::equations::System;

/// What happened, as the reverse pass needs it.
#[derive(Debug, Clone)]
pub(super) struct Jump {
    pub(super) event: usize,
    t: f64,
    /// `[n]`: the solver's state just before.
    before: Vec<f64>,
    /// f just before and after, where the moment depended on the solution.
    slopes: Option<[Vec<f64>; 2]>,
}

impl Jump {
    /// Applies event number `event` to the state `z` at time `t`.
    pub(super) fn apply(system: &System, event: usize, parameters: &[f64], t: f64, z: &mut [f64]) -> Self {
        let before = z.to_vec();
        let Event { trigger, reset, targets, stop } = &system.events[event];
        let values = evaluate(system, reset, parameters, t, &before);
        for (k, &target) in targets.iter().enumerate() {
            z[target] = reset.output(k, &values) / system.scales[target];
        }
        let slopes = matches!(trigger, Trigger::Root(..)).then(|| {
            let after = if *stop { vec![0.0; z.len()] } else { slope(system, parameters, t, z) };
            [slope(system, parameters, t, &before), after]
        });
        Self { event, t, before, slopes }
    }

    /// Takes the cotangent of the state just after to that just before, at a fixed time; adds to
    /// `parameter_bar`.
    pub(super) fn pull_back(&self, system: &System, parameters: &[f64], z_bar: &mut [f64], parameter_bar: &mut [f64]) {
        let Event { trigger, reset, targets, .. } = &system.events[self.event];
        // −λ⁺f⁺
        let mut of_time: f64 = match &self.slopes {
            Some([_, after]) => -z_bar.iter().zip(after).map(|(bar, k)| bar * k).sum::<f64>(),
            None => 0.0,
        };
        let mut cotangents = vec![0.0; targets.len()];
        for (cotangent, &target) in cotangents.iter_mut().zip(targets) {
            *cotangent = std::mem::take(&mut z_bar[target]) / system.scales[target];
        }
        of_time += self.pull_program(system, reset, parameters, &cotangents, z_bar, parameter_bar);
        let (Trigger::Root(guard, _), Some([before, _])) = (trigger, &self.slopes) else { return };
        of_time += z_bar.iter().zip(before).map(|(bar, k)| bar * k).sum::<f64>();
        // the guard's own derivatives, g_y and g_θ, and its rate along the solution
        let mut guard_bar = vec![0.0; z_bar.len()];
        let mut guard_parameters = vec![0.0; parameter_bar.len()];
        let by_time = self.pull_program(system, guard, parameters, &[1.0], &mut guard_bar, &mut guard_parameters);
        let rate = by_time + guard_bar.iter().zip(before).map(|(g, k)| g * k).sum::<f64>();
        let share = -of_time / rate;
        z_bar.iter_mut().zip(&guard_bar).for_each(|(bar, g)| *bar += share * g);
        parameter_bar.iter_mut().zip(&guard_parameters).for_each(|(bar, g)| *bar += share * g);
    }

    /// Adds a program's cotangents to those of the state just before and of the shared parameters;
    /// returns that of the time.
    fn pull_program(
        &self,
        system: &System,
        program: &Program,
        parameters: &[f64],
        cotangents: &[f64],
        z_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) -> f64 {
        let values = evaluate(system, program, parameters, self.t, &self.before);
        let mut bar = vec![0.0; program.inputs().len()];
        program.vjp(&values, cotangents, &mut vec![0.0; values.len()], &mut bar);
        let (n, n_own) = (system.n_physical(), system.individual.len());
        for ((z, bar), s) in z_bar.iter_mut().zip(&bar[1..]).zip(&system.scales) {
            *z += s * bar;
        }
        z_bar[n..n + n_own].iter_mut().zip(&bar[1 + n..]).for_each(|(z, bar)| *z += bar);
        let shared = parameter_bar[..system.shared.len()].iter_mut();
        shared.zip(&bar[1 + n + n_own..]).for_each(|(sum, bar)| *sum += bar);
        bar[0]
    }
}

/// All values of a program of the field's symbols.
pub(super) fn evaluate(system: &System, program: &Program, parameters: &[f64], t: f64, z: &[f64]) -> Vec<f64> {
    let mut values = vec![0.0; program.n_values()];
    program.evaluate(&system.symbols(&parameters[..system.shared.len()], t, z), &mut values);
    values
}

fn slope(system: &System, parameters: &[f64], t: f64, z: &[f64]) -> Vec<f64> {
    let field = system.field();
    let (mut slope, mut tape) = (vec![0.0; z.len()], vec![0.0; field.tape_len()]);
    field.rhs(parameters, t, z, &mut slope, &mut tape);
    slope
}
