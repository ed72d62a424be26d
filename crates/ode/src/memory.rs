//! Memory of tapes: how much is in use, and that of tapes that are done with, for those to come.
//!
//! A training step writes megabytes of tape and drops them; the next needs as much again. Taking the
//! old memory saves clearing it, which would cost as much as a tenth of the arithmetic. Every row of a
//! tape is written by the field before it is read.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::field::lanes::Row;

/// Rows that a thread keeps at most: 64 MiB.
const MOST_ROWS: usize = 1 << 20;

/// Rows that tapes of this process hold at the moment.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// Whether so many more rows keep all tapes within a limit.
pub(crate) fn has_room(n_rows: usize, limit_mib: usize) -> bool {
    (IN_USE.load(Ordering::Relaxed) + n_rows) * size_of::<Row>() <= limit_mib << 20
}

/// Counts rows that a tape now holds.
pub(crate) fn hold(n_rows: usize) {
    IN_USE.fetch_add(n_rows, Ordering::Relaxed);
}

/// Counts rows that it does not hold any more.
pub(crate) fn release(n_rows: usize) {
    IN_USE.fetch_sub(n_rows, Ordering::Relaxed);
}

#[derive(Default)]
struct Spare {
    tapes: Vec<Vec<Row>>,
    n_rows: usize,
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// A tape of so many rows, of any content.
pub(crate) fn take(n_rows: usize) -> Vec<Row> {
    let mut tape = SPARE.with_borrow_mut(|spare| {
        let tape = spare.tapes.pop().unwrap_or_default();
        spare.n_rows -= tape.len();
        tape
    });
    tape.resize(n_rows, Row::ZERO);
    tape
}

/// Keeps a tape for later.
pub(crate) fn give_back(tape: Vec<Row>) {
    SPARE.with_borrow_mut(|spare| {
        if !tape.is_empty() && spare.n_rows + tape.len() <= MOST_ROWS {
            spare.n_rows += tape.len();
            spare.tapes.push(tape);
        }
    });
}
