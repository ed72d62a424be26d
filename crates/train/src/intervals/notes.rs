//! What a reader must know to trust the intervals, in sentences.

use super::covariance::{Errors, Kind};
use super::task::Task;

/// Standard errors between the weights kept and the minimum, above which a note is due.
const FAR: f64 = 0.3;
/// Asymmetry of the information above which a note is due.
const ROUGH: f64 = 0.05;

pub(super) fn notes(task: &Task, errors: &Errors, asymmetry: f64) -> Vec<String> {
    let labels = task.labels();
    let mut notes = vec![];
    if task.n_fixed > 0 {
        notes.push(format!(
            "intervals of parameters take the other {} trained numbers as known: they are too narrow where a network can \
             stand in for a parameter (`intervals.networks = \"marginal\"` lets them vary)",
            task.n_fixed
        ));
    }
    if !task.marginal.is_empty() {
        notes.push(format!(
            "intervals of parameters let the other {} trained numbers vary, each with a standard normal prior",
            task.marginal.len()
        ));
    }
    for undetermined in &errors.undetermined {
        let mut parts: Vec<(f64, &String)> =
            undetermined.direction.iter().copied().zip(&labels).filter(|(v, _)| v.abs() > 0.05).collect();
        parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let parts: Vec<String> = parts.iter().map(|(v, name)| format!("{v:+.2} {name}")).collect();
        let parts = parts.join(" ");
        notes.push(match undetermined.kind {
            Kind::Flat => format!(
                "the data do not determine the direction ({parts}) of the trained numbers: the parameters in it have no interval"
            ),
            Kind::Falling => format!(
                "the training loss still falls away along ({parts}): the information matrix is not positive definite, the \
                 weights kept are not at a minimum, and the parameters in it have no interval"
            ),
        });
    }
    let far = |(newton, standard): (&f64, &f64)| newton.abs() / standard;
    let farthest = errors.newton.iter().zip(&errors.standard).map(far).zip(&labels).filter(|(far, _)| *far > FAR);
    if let Some((far, name)) = farthest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        notes.push(format!(
            "the fit has not converged: the minimum is about {far:.1} standard errors of `{name}` away, and intervals are \
             centred at the weights kept (train longer, or use `[optimizer.lbfgs]`)"
        ));
    }
    if asymmetry > ROUGH {
        notes.push(format!(
            "second derivatives disagree by {:.0} %, so standard errors are rough: tighten the solver's tolerances",
            100.0 * asymmetry
        ));
    }
    notes
}
