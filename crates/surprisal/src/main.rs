//! `surprisal`: train physics models by negative log-likelihood, from one TOML file.

mod arguments;
mod assembled;
mod command;
mod curves;
mod equations;
mod experiment;
mod failure;
mod fitting;
mod latent;
mod log;
mod observations;
mod origin;
mod plan;
mod progress;
mod provenance;
mod recorder;
mod rows;
mod run_dir;
mod signals;
mod source;
mod study;
mod values;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

/// candle allocates per operation; this allocator halves the time of a step on the CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Differentiation recurses over the graph of operations: deep models need deep stacks.
const STACK: usize = 64 << 20;

/// How many threads candle's matrix products may use. Without it candle reads `/proc/cpuinfo` at every
/// product, which takes longer than a small product itself.
const CANDLE_THREADS: &str = "RAYON_NUM_THREADS";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK).num_threads(arguments.threads.unwrap_or(0));
    if arguments.threads.is_some() || std::env::var_os(CANDLE_THREADS).is_none() {
        let threads = arguments.threads.filter(|n| *n > 0);
        let threads = threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
        // SAFETY: no other thread has been started that could read the environment.
        unsafe { std::env::set_var(CANDLE_THREADS, threads.to_string()) };
    }
    let pool = pool.build_global();
    if let Err(error) = pool {
        return fail(&Failure::program(format!("cannot start the threads: {error}")));
    }
    let run = move || match &arguments.command {
        Command::Run(run) => command::run::run(run),
        Command::Resume { directory, device } => command::run::resume(directory, device),
        Command::Check(experiment) => command::check::run(experiment),
        Command::Reproduce(reproduce) => command::reproduce::run(reproduce),
        Command::Report { directories, out } => command::report::run(directories, out.as_deref()),
        Command::List { family } => command::list::run(family.as_deref()),
        Command::Schema => command::schema::run(),
        Command::Doctor => command::doctor::run(),
    };
    match std::thread::Builder::new().stack_size(STACK).spawn(run).map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(code))) => code,
        Ok(Ok(Err(failure))) => fail(&failure),
        // A panic has printed its message already.
        Ok(Err(_)) => ExitCode::from(1),
        Err(error) => fail(&Failure::program(format!("cannot start a thread: {error}"))),
    }
}

#[allow(clippy::print_stderr)] // the one place where failures reach the user
fn fail(failure: &Failure) -> ExitCode {
    eprintln!("{failure}");
    failure.exit_code()
}
