//! What the run file keeps of the rows of a table beside their predictions.

use serde_json::json;
use surprisal_core::records::{Row, Splits};
use surprisal_data::run_file::Column;
use surprisal_train::predictor::standardize::Standardizer;

/// Tables with more input columns than this keep theirs out of the run file, where the indicators of
/// categories would take more room than all else.
const MOST_INPUTS: usize = 32;

/// The rows of a table in the data's own units.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The rows of each part.
    pub(crate) splits: Splits<Row>,
    /// Names of the attributes and of their levels.
    pub(crate) attributes: Vec<(String, Vec<String>)>,
    /// What a model sees of the inputs.
    pub(crate) inputs: Standardizer,
    /// What a model predicts of the targets.
    pub(crate) targets: Standardizer,
}

impl Rows {
    /// Columns of `/predictions/<split>`.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let inputs = self.keeps_inputs().then(|| Column::new("input", self.inputs.shift.len()));
        let attributes = self.attributes.iter().map(|(name, _)| Column::new(attribute(name), 1));
        inputs.into_iter().chain(attributes).collect()
    }

    /// The values of these columns for one split.
    pub(crate) fn values(&self, split: &str) -> Vec<(String, Vec<f64>)> {
        let rows = self.splits.parts().into_iter().find(|(name, _)| *name == split).map_or(&[][..], |(_, rows)| rows);
        let inputs = || ("input".to_owned(), rows.iter().flat_map(|row| row.inputs.iter().copied()).collect());
        let attributes = self
            .attributes
            .iter()
            .enumerate()
            .map(|(i, (name, _))| (attribute(name), rows.iter().map(|row| f64::from(row.attributes[i])).collect()));
        self.keeps_inputs().then(inputs).into_iter().chain(attributes).collect()
    }

    /// Attributes of the file's root.
    pub(crate) fn root_attributes(&self) -> Vec<(String, String)> {
        [
            ("attributes", json!(self.attributes)),
            ("input_shift", json!(self.inputs.shift)),
            ("input_scale", json!(self.inputs.scale)),
            ("target_shift", json!(self.targets.shift)),
            ("target_scale", json!(self.targets.scale)),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .to_vec()
    }

    fn keeps_inputs(&self) -> bool {
        (1..=MOST_INPUTS).contains(&self.inputs.shift.len())
    }
}

fn attribute(name: &str) -> String {
    format!("attribute.{}", name.replace('/', "_"))
}
