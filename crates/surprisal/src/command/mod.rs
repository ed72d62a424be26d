//! One file per subcommand.

pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod list;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod schema;

use std::io::Write as _;

use candle_core::Device;

use crate::failure::Failure;

/// Prints to standard output; a closed pipe (`| head`) is no failure.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::program(format!("cannot print: {e}"))),
        _ => Ok(()),
    }
}

/// `cpu` or `cuda:N`.
pub(crate) fn device(name: &str) -> Result<Device, Failure> {
    let wrong = |why: String| Failure::user(format!("--device {name}: {why}"), "use `cpu` or `cuda:0`");
    match name.split_once(':') {
        None if name == "cpu" => Ok(Device::Cpu),
        Some(("cuda", number)) => {
            let number: usize = number.parse().map_err(|_| wrong(format!("`{number}` is no device number")))?;
            if !cfg!(feature = "cuda") {
                return Err(Failure::user(
                    format!("--device {name}: this binary was built without CUDA"),
                    "build it with `cargo build --release --features cuda`, or use --device cpu",
                ));
            }
            Device::new_cuda(number).map_err(|e| wrong(e.to_string()))
        }
        _ => Err(wrong("no such device".into())),
    }
}
