//! What a run file says of the solution itself: how far it is from a minimum (`/optimality`), how well the
//! data determine it (`/intervals`, `/standard_errors`), and the regularisation path it lies on (`/path`).

use super::layout::{Element, Item};
use super::{ProfileLayout, Reader, RunFileError, Writer};

/// What a run file will hold of the solution.
#[derive(Debug, Clone, Default)]
pub struct SolutionLayout {
    /// Names of the numbers of the optimality certificate; empty where the run makes none.
    pub optimality: Vec<String>,
    /// Weights of the regularisation path; 0 where there is none.
    pub n_path: usize,
    /// Name and number of values of each parameter that has intervals.
    pub intervals: Vec<(String, usize)>,
    /// Profiles of the likelihood.
    pub profiles: ProfileLayout,
}

/// The interval of one parameter, in its own units; NaN where the data do not determine it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterInterval {
    /// The parameter.
    pub name: String,
    /// `[n]`.
    pub values: Vec<f64>,
    /// `[n]`.
    pub standard_error: Vec<f64>,
    /// `[n]`.
    pub lower: Vec<f64>,
    /// `[n]`.
    pub upper: Vec<f64>,
}

/// How much the gradient changed where the model computed more precisely, at the start and the end.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GradientChecks {
    /// What bounds the model's own error (`rtol`, `step`).
    pub key: String,
    /// Its configured value.
    pub configured: f64,
    /// Its smaller value.
    pub refined: f64,
    /// The largest difference that is no warning.
    pub limit: f64,
    /// ‖g − g′‖ / ‖g′‖ before training, or before it was resumed; absent where a gradient failed.
    pub start: Option<f64>,
    /// That of the trained model.
    pub end: Option<f64>,
    /// What was said about them.
    pub warnings: Vec<String>,
}

/// Root attribute with the checks of the gradient (JSON, at most one).
const GRADIENT_CHECKS: &str = "gradient_checks";

/// Root attribute with what a reader must know about the intervals (JSON).
const NOTES: &str = "interval_notes";

/// A regularisation path, from the largest weight to the smallest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PathTable {
    /// Weights of the penalty, `[n]`.
    pub weight: Vec<f64>,
    /// Training loss with all penalties, nats, `[n]`.
    pub objective: Vec<f64>,
    /// Mean NLL of the training split, nats per sample, `[n]`.
    pub train_nll: Vec<f64>,
    /// That of the validation split; NaN where nothing is held out, `[n]`.
    pub valid_nll: Vec<f64>,
    /// Weights that are not zero, `[n]`.
    pub n_nonzero: Vec<f64>,
    /// Largest violation of the optimality conditions, `[n]`.
    pub violation: Vec<f64>,
    /// Which weight was chosen.
    pub selected: usize,
    /// Every parameter with its shape at one weight and its values at all, `[n, shape…]`.
    pub parameters: Vec<(String, Vec<usize>, Vec<f64>)>,
}

impl PathTable {
    fn columns(&self) -> [(&'static str, &[f64]); 6] {
        [
            ("weight", &self.weight),
            ("objective", &self.objective),
            ("train_nll", &self.train_nll),
            ("valid_nll", &self.valid_nll),
            ("n_nonzero", &self.n_nonzero),
            ("violation", &self.violation),
        ]
    }
}

impl SolutionLayout {
    pub(super) fn items(&self, parameters: &[(String, Vec<usize>)]) -> Vec<Item> {
        let scalar = |name: &String| Item::fixed(format!("/optimality/{name}"), Element::F64, &[]);
        let mut items: Vec<Item> = self.optimality.iter().map(scalar).collect();
        for (name, n) in &self.intervals {
            items.push(Item::fixed(format!("/intervals/{name}"), Element::F64, &[*n, 3]));
            items.push(Item::fixed(format!("/standard_errors/{name}"), Element::F64, &[*n]));
        }
        items.extend(self.profiles.items());
        if self.n_path > 0 {
            for (name, _) in PathTable::default().columns() {
                items.push(Item::fixed(format!("/path/{name}"), Element::F64, &[self.n_path]));
            }
            items.push(Item::fixed("/path/selected".into(), Element::I64, &[]));
            for (name, shape) in parameters {
                let shape: Vec<usize> = [self.n_path].iter().chain(shape).copied().collect();
                items.push(Item::fixed(format!("/path/parameters/{name}"), Element::F64, &shape));
            }
        }
        items
    }
}

impl Writer {
    /// Fills the optimality certificate, by name.
    pub fn write_optimality(&mut self, numbers: &[(&str, f64)]) -> Result<(), RunFileError> {
        for (name, value) in numbers {
            self.storage.fill(&format!("/optimality/{name}"), &[*value])?;
        }
        self.storage.flush()
    }

    /// Fills the intervals, and says what a reader must know about them.
    pub fn write_intervals(&mut self, intervals: &[ParameterInterval], notes: &[String]) -> Result<(), RunFileError> {
        for interval in intervals {
            let rows = interval.lower.iter().zip(&interval.values).zip(&interval.upper);
            let rows: Vec<f64> = rows.flat_map(|((lower, value), upper)| [*lower, *value, *upper]).collect();
            self.storage.fill(&format!("/intervals/{}", interval.name), &rows)?;
            self.storage.fill(&format!("/standard_errors/{}", interval.name), &interval.standard_error)?;
        }
        self.storage.write_names(&self.storage.file, NOTES, &notes.iter().map(String::as_str).collect::<Vec<_>>())?;
        self.storage.flush()
    }

    /// Says how far the gradient can be trusted.
    pub fn write_gradient_checks(&mut self, checks: &GradientChecks) -> Result<(), RunFileError> {
        self.storage.write_names(&self.storage.file, GRADIENT_CHECKS, &[checks])?;
        self.storage.flush()
    }

    /// Fills the regularisation path.
    pub fn write_path(&mut self, path: &PathTable) -> Result<(), RunFileError> {
        for (name, values) in path.columns() {
            self.storage.fill(&format!("/path/{name}"), values)?;
        }
        for (name, _, values) in &path.parameters {
            self.storage.fill(&format!("/path/parameters/{name}"), values)?;
        }
        self.storage.fill("/path/selected", &[path.selected as i64])?;
        self.storage.flush()
    }
}

impl Reader {
    /// The optimality certificate: names and numbers; empty where the run made none or has not ended.
    pub fn optimality(&self) -> Result<Vec<(String, f64)>, RunFileError> {
        let mut numbers = vec![];
        for name in self.members("/optimality")? {
            let value = self.storage().read::<f64>(&format!("/optimality/{name}"))?.0;
            numbers.extend(value.first().filter(|v| !v.is_nan()).map(|v| (name, *v)));
        }
        Ok(numbers)
    }

    /// How far the gradient could be trusted; `None` where the model has no error of its own, or the run
    /// has not ended.
    pub fn gradient_checks(&self) -> Result<Option<GradientChecks>, RunFileError> {
        let Ok(text) = self.attribute(GRADIENT_CHECKS) else { return Ok(None) };
        let checks: Result<Vec<GradientChecks>, _> = serde_json::from_str(&text);
        let damaged = |e: serde_json::Error| self.storage().attribute_error(GRADIENT_CHECKS, e.to_string());
        Ok(checks.map_err(damaged)?.into_iter().next())
    }

    /// The intervals of parameters, alphabetically, and what to know about them; empty where the run made
    /// none or has not ended.
    pub fn intervals(&self) -> Result<(Vec<ParameterInterval>, Vec<String>), RunFileError> {
        let Ok(notes) = self.storage().read_names(&self.storage().file, NOTES) else { return Ok((vec![], vec![])) };
        let mut intervals = vec![];
        for name in self.members("/intervals")? {
            let rows = self.storage().read::<f64>(&format!("/intervals/{name}"))?.0;
            let column = |k: usize| -> Vec<f64> { rows.iter().skip(k).step_by(3).copied().collect() };
            let standard_error = self.storage().read::<f64>(&format!("/standard_errors/{name}"))?.0;
            let (lower, values, upper) = (column(0), column(1), column(2));
            if values.iter().any(|v| !v.is_nan()) {
                intervals.push(ParameterInterval { name, values, standard_error, lower, upper });
            }
        }
        Ok((intervals, notes))
    }

    /// The regularisation path; `None` where the run has none or has not ended.
    pub fn regularization_path(&self) -> Result<Option<PathTable>, RunFileError> {
        if !self.storage().exists("/path/selected") {
            return Ok(None);
        }
        let selected = self.storage().read::<i64>("/path/selected")?.0;
        let Some(selected) = selected.first().and_then(|&s| usize::try_from(s).ok()) else { return Ok(None) };
        let column = |name: &str| Ok::<_, RunFileError>(self.storage().read::<f64>(&format!("/path/{name}"))?.0);
        let mut parameters = vec![];
        for name in self.members("/path/parameters")? {
            let (values, shape) = self.storage().read::<f64>(&format!("/path/parameters/{name}"))?;
            parameters.push((name, shape.get(1..).unwrap_or_default().to_vec(), values));
        }
        Ok(Some(PathTable {
            weight: column("weight")?,
            objective: column("objective")?,
            train_nll: column("train_nll")?,
            valid_nll: column("valid_nll")?,
            n_nonzero: column("n_nonzero")?,
            violation: column("violation")?,
            selected,
            parameters,
        }))
    }

    /// Names below a group, alphabetically; none where it does not exist.
    pub(super) fn members(&self, path: &str) -> Result<Vec<String>, RunFileError> {
        if !self.storage().exists(path) {
            return Ok(vec![]);
        }
        let names = self.storage().file.group(path).and_then(|group| group.member_names());
        self.storage().check("list", path, names)
    }
}
