//! What is known of the solution: how far it is from a minimum, and the regularisation path it lies on.

use serde_json::{Map, Value, json};
use surprisal_data::run_file::{GradientChecks, ParameterInterval, ParameterProfile, PathTable, Reader};

use crate::number::significant;
use crate::{ReportError, RunData};

/// The solution of a run.
#[derive(Debug, Clone, Default)]
pub struct Solution {
    /// Name of the penalty with a kink; empty where there is none.
    pub penalty: String,
    /// The optimality certificate; empty where none was made.
    pub optimality: Vec<(String, f64)>,
    /// Names of the model's inputs; empty where it has none with names.
    pub input_names: Vec<String>,
    /// The regularisation path.
    pub path: Option<PathTable>,
    /// How well the data determine the parameters; empty where nobody asked.
    pub intervals: Vec<ParameterInterval>,
    /// Profiles of the likelihood; empty where nobody asked.
    pub profiles: Vec<ParameterProfile>,
    /// What a reader must know to trust the intervals.
    pub interval_notes: Vec<String>,
    /// Prices on differences between the groups of an attribute.
    pub attribute_penalties: Vec<AttributePenalty>,
    /// How far the gradient could be trusted; `None` where the model has no error of its own.
    pub gradient_checks: Option<GradientChecks>,
}

/// A price on differences between the groups of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributePenalty {
    /// Name of the penalty.
    pub name: String,
    /// The column that divides the rows.
    pub attribute: String,
    /// Nats per unit of the difference.
    pub weight: f64,
}

impl AttributePenalty {
    /// Those among the penalties of a configuration, `[{name: settings}, …]`.
    fn among(penalties: &[Map<String, Value>]) -> Vec<Self> {
        let of = |(name, settings): (&String, &Value)| {
            let attribute = settings["attribute"].as_str()?.to_owned();
            Some(Self { name: name.clone(), attribute, weight: settings["weight"].as_f64()? })
        };
        penalties.iter().flatten().filter_map(of).collect()
    }
}

impl Solution {
    /// What a run file says of it. Files written before these numbers existed say nothing.
    pub(crate) fn read(reader: &Reader) -> Result<Self, ReportError> {
        let names = reader.attribute("input_names").ok().and_then(|text| serde_json::from_str(&text).ok());
        let (intervals, interval_notes) = reader.intervals()?;
        let penalties: Vec<Map<String, Value>> =
            reader.attribute("penalties").ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Self {
            intervals,
            interval_notes,
            gradient_checks: reader.gradient_checks()?,
            profiles: reader.profiles()?,
            penalty: reader.attribute("proximal_penalty").unwrap_or_default(),
            optimality: reader.optimality()?,
            input_names: names.unwrap_or_default(),
            path: reader.regularization_path()?,
            attribute_penalties: AttributePenalty::among(&penalties),
        })
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.optimality.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }
}

/// The certificate for `metrics.json`: numbers that are not finite, because nothing is zero, are null.
pub(crate) fn optimality(solution: &Solution) -> Value {
    if solution.optimality.is_empty() {
        return Value::Null;
    }
    let mut out = Map::new();
    if !solution.penalty.is_empty() {
        out.insert("penalty".into(), json!(solution.penalty));
    }
    for (name, value) in &solution.optimality {
        let counts = name.starts_with("n_");
        out.insert(name.clone(), if counts { json!(*value as u64) } else { json!(value) });
    }
    Value::Object(out)
}

/// The certificate in one sentence; `None` where none was made.
pub(crate) fn optimality_sentence(run: &RunData) -> Option<String> {
    let solution = &run.solution;
    let (gradient, objective) = (solution.number("gradient")?, solution.number("objective")?);
    let shown = |value: f64| significant(value, 2);
    let start = format!("Optimality on the whole training set: objective {} nat", significant(objective, 6));
    let (Some(zeros), Some(rest), Some(n_zero), Some(n_nonzero)) = (
        solution.number("zeros_excess"),
        solution.number("nonzeros_residual"),
        solution.number("n_zero"),
        solution.number("n_nonzero"),
    ) else {
        return Some(format!("{start}; the largest entry of its gradient is {}.", shown(gradient)));
    };
    let n_features = solution.input_names.len() as f64;
    let what = match solution.penalty.as_str() {
        "group_lasso" if n_features > 0.0 && n_zero + n_nonzero > n_features => "input features of all members",
        "group_lasso" => "input features",
        _ => "weights",
    };
    let of_zeros = if n_zero == 0.0 {
        String::new()
    } else if zeros <= 0.0 {
        format!("; at these |∂loss| is below the penalty's weight by {} or more", shown(-zeros))
    } else {
        format!("; at these |∂loss| exceeds the penalty's weight by up to {}", shown(zeros))
    };
    Some(format!(
        "{start}; {n_zero} of {} {what} are exactly zero{of_zeros}; elsewhere the conditions of a minimum are missed by \
         at most {}.",
        n_zero + n_nonzero,
        shown(rest.max(gradient))
    ))
}
