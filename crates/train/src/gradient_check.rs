//! Whether a gradient is worth following: how much it changes where the model computes more precisely.
//!
//! A solver's gradient is exact for the steps it took, and those may be the wrong steps: where tolerances are
//! loose, where a solution jumps (the place of a jump depends on the sizes of the steps, which are held
//! fixed), or where it is chaotic. Then gradients at two tolerances disagree.

use serde::{Deserialize, Serialize};

/// Gradients at two precisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientCheck {
    /// What bounds the error, as the configuration calls it (`rtol`, `step`).
    pub key: String,
    /// Its configured value.
    pub configured: f64,
    /// Its smaller value.
    pub refined: f64,
    /// ‖g − g′‖ / ‖g′‖ of the gradients of a random combination of the predictions; NaN where either
    /// could not be computed.
    pub difference: f64,
    /// The largest difference that is no warning.
    pub limit: f64,
}

impl GradientCheck {
    /// What to say about it and what to do; `when` ends the first sentence. `None` where all is well.
    pub fn warning(&self, when: &str) -> Option<String> {
        let Self { key, configured, refined, difference, limit } = self;
        if *difference <= *limit {
            return None;
        }
        let found = if difference.is_nan() {
            format!("the gradient at {key} = {refined:e} could not be computed to check that at {configured:e}, {when}")
        } else {
            format!(
                "the gradients at {key} = {configured:e} and {refined:e} differ by {:.2} % (more than {} %), {when}",
                100.0 * difference,
                100.0 * limit
            )
        };
        Some(format!(
            "{found}: lower `{key}`; if they still differ, the solution jumps or is chaotic, where no solver's gradient \
             of its steps can be trusted: fit shorter pieces of the trajectories"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(difference: f64) -> Option<String> {
        GradientCheck { key: "rtol".into(), configured: 1e-4, refined: 1e-6, difference, limit: 0.05 }
            .warning("at the start of training")
    }

    #[test]
    fn a_warning_names_both_tolerances_the_difference_and_the_remedy() {
        assert_eq!(check(0.05), None);
        let text = check(0.25).unwrap();
        assert!(text.starts_with(
            "the gradients at rtol = 1e-4 and 1e-6 differ by 25.00 % (more than 5 %), at the start of training: lower `rtol`"
        ));
        assert!(check(f64::NAN).unwrap().contains("could not be computed"));
        assert!(check(f64::INFINITY).is_some());
    }
}
