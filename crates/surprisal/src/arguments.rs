//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Train physics models by negative log-likelihood, and say honestly how sure they are.
#[derive(Debug, Parser)]
#[command(name = "surprisal", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads; all processors by default. Results do not depend on it.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an experiment: fit, evaluate, write figures and report
    Run(Run),
    /// Go on with an interrupted run in its folder
    Resume {
        /// The run's folder
        directory: PathBuf,
        /// Where to compute: cpu or cuda:N
        #[arg(long, default_value = "cpu")]
        device: String,
    },
    /// Parse and resolve a configuration, print it with all defaults, and try two steps
    Check(Configured),
    /// Run a study and compare what it gives with its expected.toml
    Reproduce(Reproduce),
    /// Make metrics, figures and report of a run again, or one page that compares several
    Report {
        /// The runs' folders
        #[arg(required = true, value_name = "DIRECTORY")]
        directories: Vec<PathBuf>,
        /// The page that compares several runs; its figures lie beside it [default: comparison.html]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List the names of every registry
    List {
        /// One family only (likelihood, risk, penalty, …)
        family: Option<String>,
    },
    /// Print the JSON Schema of configuration files, for editors
    Schema,
    /// Say what this build and machine can do
    Doctor,
}

/// A configuration file with overrides.
#[derive(Debug, Args)]
pub(crate) struct Configured {
    /// The experiment's TOML file
    pub(crate) config: PathBuf,
    /// Override a key, e.g. --set train.epochs=5 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Where to compute: cpu or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
}

/// `surprisal run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) configured: Configured,
    /// The run's folder, which must not exist [default: results/NAME-TIME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with the run in --out if there is one; its configuration must be the same, except that
    /// train.epochs may grow
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
}

/// `surprisal reproduce`.
#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// A folder of experiments/, or the path of one with an expected.toml
    pub(crate) study: PathBuf,
    /// These runs of the study only (repeatable)
    #[arg(long = "run", value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Override a key in every run, e.g. --set data_root=DIR, which concerns the runs whose data the
    /// project does not ship (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The folder for the runs, which must not exist [default: results/STUDY-TIME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where to compute: cpu or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
}
