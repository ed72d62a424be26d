//! `/profiles/<parameter>`: profiles of the likelihood, beside the intervals of `/intervals`.
//!
//! `ends` `[n, 2]` are those of the 95 % interval, infinite where the data set none; `points`
//! `[n, n_points, 3]` the parameter, how far the log-likelihood falls there (nats) and how far it would by
//! its second derivative; a profile with fewer points is filled up with NaN.

use super::layout::{Element, Item};
use super::{Reader, RunFileError, Writer};

/// The profiles of one parameter, in its own units.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterProfile {
    /// The parameter.
    pub name: String,
    /// Lower and upper ends of the 95 % intervals, `[n]`; infinite where a side is open.
    pub ends: Vec<[f64; 2]>,
    /// Of each profile the parameter, the fall of the log-likelihood, nats, and that of its parabola.
    pub points: Vec<Vec<[f64; 3]>>,
}

/// What a run file will hold of profiles.
#[derive(Debug, Clone, Default)]
pub struct ProfileLayout {
    /// Name and number of values of each parameter that has profiles.
    pub parameters: Vec<(String, usize)>,
    /// Points of a profile, at most.
    pub n_points: usize,
}

impl ProfileLayout {
    pub(super) fn items(&self) -> Vec<Item> {
        let of = |(name, n): &(String, usize)| {
            let root = format!("/profiles/{name}");
            [
                Item::fixed(format!("{root}/ends"), Element::F64, &[*n, 2]),
                Item::fixed(format!("{root}/points"), Element::F64, &[*n, self.n_points, 3]),
            ]
        };
        self.parameters.iter().flat_map(of).collect()
    }
}

impl Writer {
    /// Fills the profiles.
    pub fn write_profiles(&mut self, profiles: &[ParameterProfile]) -> Result<(), RunFileError> {
        for profile in profiles {
            let root = format!("/profiles/{}", profile.name);
            self.storage.fill(&format!("{root}/ends"), profile.ends.as_flattened())?;
            let points = format!("{root}/points");
            let n_points = self.storage.dataset(&points)?.shape().get(1).copied().unwrap_or(0);
            let rows = profile.points.iter().flat_map(|one| {
                let missing = n_points.saturating_sub(one.len());
                one.iter().copied().chain(std::iter::repeat_n([f64::NAN; 3], missing))
            });
            self.storage.fill(&points, &rows.flatten().collect::<Vec<f64>>())?;
        }
        self.storage.flush()
    }
}

impl Reader {
    /// The profiles, alphabetically; empty where the run made none or has not ended.
    pub fn profiles(&self) -> Result<Vec<ParameterProfile>, RunFileError> {
        let mut profiles = vec![];
        for name in self.members("/profiles")? {
            let ends = self.storage().read::<f64>(&format!("/profiles/{name}/ends"))?.0;
            let (points, shape) = self.storage().read::<f64>(&format!("/profiles/{name}/points"))?;
            let n_points = shape.get(1).copied().unwrap_or(0).max(1);
            let known = |one: &[f64]| -> Vec<[f64; 3]> {
                one.as_chunks::<3>().0.iter().copied().filter(|p| !p[0].is_nan()).collect()
            };
            if ends.iter().any(|v| !v.is_nan()) {
                profiles.push(ParameterProfile {
                    name,
                    ends: ends.as_chunks::<2>().0.to_vec(),
                    points: points.chunks_exact(3 * n_points).map(known).collect(),
                });
            }
        }
        Ok(profiles)
    }
}
