//! Linear warm-up, then half a cosine down to a floor (Loshchilov & Hutter 2017, SGDR, eq. 5, one
//! period):
//!
//! factor(s) = (s + 1)/w for s < w, else f + (1 − f)·½(1 + cos π (s − w)/(n − w)).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Schedule;

/// Linear warm-up, then half a cosine down to a floor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// Steps over which the rate grows linearly to its full value.
    #[serde(default)]
    pub warmup_steps: u64,
    /// The factor reached at the last step.
    #[serde(default = "floor")]
    pub floor: f64,
}

fn floor() -> f64 {
    0.01
}

impl Schedule for Cosine {
    fn factor(&self, step: u64, n_steps: u64) -> f64 {
        if step < self.warmup_steps {
            return (step + 1) as f64 / self.warmup_steps as f64;
        }
        let rest = n_steps.saturating_sub(self.warmup_steps + 1).max(1);
        let progress = ((step - self.warmup_steps) as f64 / rest as f64).min(1.0);
        self.floor + (1.0 - self.floor) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
    }

    fn problem(&self) -> Option<String> {
        (!(0.0..=1.0).contains(&self.floor)).then(|| format!("`floor` must be in [0, 1], found {}", self.floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_linearly_then_falls_to_the_floor() {
        let schedule = Cosine { warmup_steps: 10, floor: 0.1 };
        assert_eq!(schedule.factor(0, 110), 0.1);
        assert_eq!(schedule.factor(9, 110), 1.0);
        assert_eq!(schedule.factor(10, 110), 1.0);
        assert!((schedule.factor(109, 110) - 0.1).abs() < 1e-12);
        assert!((schedule.factor(1000, 110) - 0.1).abs() < 1e-12, "a longer run stays at the floor");
        let halfway = 0.5 * (schedule.factor(59, 110) + schedule.factor(60, 110));
        assert!((halfway - 0.55).abs() < 1e-12);
    }

    #[test]
    fn a_run_shorter_than_its_warm_up_is_no_error() {
        assert_eq!(Cosine { warmup_steps: 10, floor: 0.0 }.factor(4, 5), 0.5);
    }
}
