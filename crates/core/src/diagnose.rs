//! Errors that help: whose mistake it is, and what to do about it.
//!
//! Every library error is a `thiserror` enum whose message names the place (file with line and
//! column, frame and atom, row and column) and whose [`Diagnose`] says the rest. The command line
//! turns [`Blame`] into the exit code: 2 for the user's mistakes, 1 for ours.

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The configuration, the command line or the data; exit code 2.
    User,
    /// The program or the machine; exit code 1.
    Program,
}

/// An error that knows whose mistake it is and what would mend it.
pub trait Diagnose: std::error::Error {
    /// Who has to act.
    fn blame(&self) -> Blame;
    /// One sentence that says what to do, if there is something to be done.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// The candidate that `name` most likely means, if one is near enough to be worth saying.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_does_not() {
        let names = ["gaussian", "laplace", "normal_inverse_gamma"];
        assert_eq!(closest("gausian", names), Some("gaussian"));
        assert_eq!(closest("normal_inverse_gama", names), Some("normal_inverse_gamma"));
        assert_eq!(closest("zzz", names), None);
    }
}
