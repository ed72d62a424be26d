//! Cutting groups into training, validation and test parts.
//!
//! Whole groups are drawn, never samples: the frames, trajectories or rows of a file, in an order
//! given by the stream `("split", 0)` of the run's seed. A part of fraction f holds round(f·n) of
//! the n groups, in the order of the file. The test groups are drawn first, so that changing the
//! validation fraction leaves them alone. Validation groups are drawn too, or are the last block of
//! what is left ([`ValidSplit`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::records::Splits;
use surprisal_core::{Blame, Diagnose, rng};

/// A cut that cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// A fraction that is not one.
    #[error("`{key}` must be at least 0 and less than 1, found {value}")]
    Fraction {
        /// The key of the configuration.
        key: &'static str,
        /// What it is set to.
        value: f64,
    },
    /// A part was asked for and gets nothing.
    #[error("`{key}` = {value} of {n_groups} {group} leaves the {part} split empty")]
    Empty {
        /// The key of the configuration.
        key: &'static str,
        /// What it is set to.
        value: f64,
        /// What is being drawn, in the plural (`frames`, `rows`, `trajectories`).
        group: &'static str,
        /// How many there are.
        n_groups: usize,
        /// The split left empty.
        part: &'static str,
    },
    /// Nothing is left to train on.
    #[error("{n_valid} validation and {n_test} test {group} of {n_groups} leave the training split empty")]
    NothingLeft {
        /// What is being drawn, in the plural.
        group: &'static str,
        /// How many there are.
        n_groups: usize,
        /// How many go to validation.
        n_valid: usize,
        /// How many go to the test.
        n_test: usize,
    },
    /// A part that does not exist.
    #[error("`fold` = {fold} of `folds` = {folds} does not exist for {n_groups} {group}")]
    Fold {
        /// Number of parts.
        folds: usize,
        /// The part asked for.
        fold: usize,
        /// What is being drawn, in the plural.
        group: &'static str,
        /// How many there are.
        n_groups: usize,
    },
    /// Two keys that exclude each other.
    #[error("`{first}` and `{second}` are both set")]
    Conflict {
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Two keys that go together.
    #[error("`{present}` is set and `{absent}` is not")]
    Incomplete {
        /// The key that is set.
        present: &'static str,
        /// The key that is missing.
        absent: &'static str,
    },
    /// A test split under a name that is taken or cannot be one.
    #[error("a test split cannot be called `{name}`")]
    Name {
        /// The name in the configuration.
        name: String,
    },
}

impl SplitError {
    /// The keys of the `[data.…]` table that it is about.
    pub fn setting(&self) -> Vec<&str> {
        match self {
            Self::Fraction { key, .. } | Self::Empty { key, .. } => vec![key],
            Self::NothingLeft { n_valid, n_test, .. } if n_test > n_valid => vec!["test_fraction"],
            Self::NothingLeft { .. } => vec!["valid_fraction"],
            Self::Conflict { second, .. } => vec![second],
            Self::Incomplete { present, .. } => vec![present],
            Self::Fold { .. } => vec!["fold"],
            Self::Name { name } => vec!["test", name],
        }
    }
}

impl Diagnose for SplitError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fraction { .. } => Some("0.1 keeps a tenth of the groups".into()),
            Self::Empty { n_groups: 1, key, .. } => {
                Some(format!("a single group cannot be cut; leave `{key}` out or bring more data"))
            }
            Self::Empty { key, n_groups, .. } => {
                Some(format!("set `{key}` to 0 or to at least {:.2}", (50.0 / *n_groups as f64).ceil() / 100.0))
            }
            Self::NothingLeft { .. } => Some("lower `valid_fraction` or `test_fraction`".into()),
            Self::Fold { .. } => {
                Some("`folds` is at least 2 and at most the number of groups; `fold` counts from 0".into())
            }
            Self::Conflict { first, second } => Some(format!("keep either `{first}` or `{second}`")),
            Self::Incomplete { present, absent } => Some(format!("`{present}` and `{absent}` go together")),
            Self::Name { .. } => Some(
                "choose a name without `/` or `.`, other than `train`, `valid`, `epoch`, `step`, `learning_rate` \
                 and `selected`"
                    .into(),
            ),
        }
    }
}

/// Which groups of a file are kept for validation.
///
/// Neighbouring frames of a trajectory are nearly the same frame. Drawn at random, most validation
/// frames have a neighbour in the training part: their error is too small, and the choice of the
/// epoch and the calibration measured on them are too good to be true. A block shares one border
/// with the training part and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidSplit {
    /// Drawn at random: right where groups are independent of each other.
    #[default]
    Random,
    /// The last contiguous part of the file: for frames of one trajectory, or rows in their order of
    /// time.
    Block,
}

/// Which share of the groups goes where; the rest is for training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// For validation, in [0, 1).
    pub valid: f64,
    /// Which they are.
    pub valid_split: ValidSplit,
    /// For the test, in [0, 1).
    pub test: f64,
}

impl Fractions {
    /// Whether both are fractions.
    pub fn check(self) -> Result<(), SplitError> {
        for (key, value) in [("valid_fraction", self.valid), ("test_fraction", self.test)] {
            if !(0.0..1.0).contains(&value) {
                return Err(SplitError::Fraction { key, value });
            }
        }
        Ok(())
    }

    /// Cuts records; `group` names them in the plural for errors. A test part is drawn at random and
    /// called `test`.
    pub fn cut<R>(self, records: Vec<R>, group: &'static str, seed: u64) -> Result<Splits<R>, SplitError> {
        self.check()?;
        let n_groups = records.len();
        let n_test = count("test_fraction", self.test, "test", group, n_groups)?;
        let n_valid = count("valid_fraction", self.valid, "valid", group, n_groups)?;
        if n_valid + n_test >= n_groups {
            return Err(SplitError::NothingLeft { group, n_groups, n_valid, n_test });
        }
        let order = rng::permutation(&mut rng::stream(seed, "split", 0), n_groups);
        let mut part = vec![Part::Train; n_groups];
        order[..n_test].iter().for_each(|&i| part[i] = Part::Test);
        let mut rest = order[n_test..].to_vec();
        if self.valid_split == ValidSplit::Block {
            rest.sort_unstable_by_key(|&i| std::cmp::Reverse(i));
        }
        rest[..n_valid].iter().for_each(|&i| part[i] = Part::Valid);
        let (mut train, mut valid, mut test) = (vec![], vec![], vec![]);
        for (record, part) in records.into_iter().zip(part) {
            match part {
                Part::Train => train.push(record),
                Part::Valid => valid.push(record),
                Part::Test => test.push(record),
            }
        }
        let test = if test.is_empty() { vec![] } else { vec![("test".to_owned(), test)] };
        Ok(Splits { train, valid, test })
    }
}

/// Which of `n` groups are in part `fold` of `folds`, drawn by the stream `("folds", 0)` of the seed:
/// the parts are disjoint, cover all groups, and differ in size by at most one.
pub fn fold(n: usize, folds: usize, fold: usize, group: &'static str, seed: u64) -> Result<Vec<bool>, SplitError> {
    if folds < 2 || folds > n || fold >= folds {
        return Err(SplitError::Fold { folds, fold, group, n_groups: n });
    }
    let order = rng::permutation(&mut rng::stream(seed, "folds", 0), n);
    let mut is_test = vec![false; n];
    order[fold * n / folds..(fold + 1) * n / folds].iter().for_each(|&i| is_test[i] = true);
    Ok(is_test)
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Train,
    Valid,
    Test,
}

fn count(
    key: &'static str,
    fraction: f64,
    part: &'static str,
    group: &'static str,
    n_groups: usize,
) -> Result<usize, SplitError> {
    let n = (fraction * n_groups as f64).round() as usize;
    if n == 0 && fraction > 0.0 {
        return Err(SplitError::Empty { key, value: fraction, group, n_groups, part });
    }
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(n: usize, valid: f64, test: f64, seed: u64) -> Result<Splits<usize>, SplitError> {
        Fractions { valid, valid_split: ValidSplit::Random, test }.cut((0..n).collect(), "rows", seed)
    }

    #[test]
    fn every_group_lands_once_and_in_order() {
        let splits = cut(100, 0.1, 0.25, 3).expect("fractions are right");
        let test = &splits.test[0].1;
        assert_eq!((splits.train.len(), splits.valid.len(), test.len()), (65, 10, 25));
        for part in [&splits.train, &splits.valid, test] {
            assert!(part.is_sorted());
        }
        let mut all = [splits.train.clone(), splits.valid.clone(), test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_seed_decides_and_the_validation_fraction_leaves_the_test_alone() {
        let test = |valid, seed| cut(50, valid, 0.2, seed).expect("fractions are right").test[0].1.clone();
        assert_eq!(test(0.1, 1), test(0.1, 1));
        assert_ne!(test(0.1, 1), test(0.1, 2));
        assert_eq!(test(0.0, 1), test(0.3, 1));
    }

    #[test]
    fn a_block_is_the_end_of_what_the_test_leaves() {
        let block = |test| {
            let fractions = Fractions { valid: 0.2, valid_split: ValidSplit::Block, test };
            fractions.cut((0..50).collect::<Vec<_>>(), "frames", 3).expect("fractions are right")
        };
        assert_eq!(block(0.0).valid, (40..50).collect::<Vec<_>>());
        let splits = block(0.2);
        assert_eq!(splits.test[0].1, cut(50, 0.2, 0.2, 3).expect("fractions are right").test[0].1);
        assert!(splits.train.last() < splits.valid.first() && splits.valid.len() == 10);
    }

    #[test]
    fn no_fractions_keep_everything() {
        let splits = cut(1, 0.0, 0.0, 0).expect("one group is enough");
        assert_eq!((splits.train, splits.valid.len(), splits.test.len()), (vec![0], 0, 0));
    }

    #[test]
    fn impossible_cuts_are_named() {
        let message = |n, valid, test| {
            let error = cut(n, valid, test, 0).expect_err("impossible");
            (error.to_string(), error.hint().unwrap_or_default())
        };
        assert_eq!(message(10, 1.0, 0.0).0, "`valid_fraction` must be at least 0 and less than 1, found 1");
        assert_eq!(message(10, f64::NAN, 0.0).0, "`valid_fraction` must be at least 0 and less than 1, found NaN");
        assert_eq!(message(10, 0.0, -0.5).0, "`test_fraction` must be at least 0 and less than 1, found -0.5");
        assert_eq!(
            message(10, 0.01, 0.0),
            (
                "`valid_fraction` = 0.01 of 10 rows leaves the valid split empty".into(),
                "set `valid_fraction` to 0 or to at least 0.05".into()
            )
        );
        assert_eq!(message(10, 0.5, 0.5).0, "5 validation and 5 test rows of 10 leave the training split empty");
        assert_eq!(
            message(1, 0.2, 0.0).1,
            "a single group cannot be cut; leave `valid_fraction` out or bring more data"
        );
    }
}
