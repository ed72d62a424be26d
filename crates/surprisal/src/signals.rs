//! SIGTERM, SIGINT and SIGUSR1 ask a run to write a checkpoint and stop; a second SIGINT ends it at
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use crate::failure::Failure;

/// Exit code of a run that was told to stop and can be resumed.
pub(crate) const INTERRUPTED: u8 = 85;

/// A flag that the signals set.
pub(crate) fn watch() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let register = || -> std::io::Result<()> {
        // Registered first, so that only a second SIGINT finds the flag set.
        flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupted))?;
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            flag::register(signal, Arc::clone(&interrupted))?;
        }
        Ok(())
    };
    register().map_err(|e| Failure::program(format!("cannot watch for signals: {e}")))?;
    interrupted.store(false, Ordering::Relaxed);
    Ok(interrupted)
}
