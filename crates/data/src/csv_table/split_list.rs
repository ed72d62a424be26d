//! Published test rows: a JSON file `{"test": [[0, 5, …], …]}` with, for each split, the rows of its
//! test part, counted from 0 without the header.

use std::path::Path;

use serde::Deserialize;

use crate::csv_file::{CsvError, CsvFault};
use crate::error::{DataError, Place};
use crate::source::read_text;

#[derive(Deserialize)]
struct SplitLists {
    test: Vec<Vec<usize>>,
}

/// Which of `n_rows` rows are test rows in split number `split`.
pub(super) fn read(file: &Path, split: usize, n_rows: usize) -> Result<Vec<bool>, DataError> {
    let text = read_text(file)?;
    let fault = |place, problem| DataError::from(CsvError { place, fault: Box::new(CsvFault::SplitList { problem }) });
    let lists: SplitLists = serde_json::from_str(&text).map_err(|error| {
        let place = Place::line(file, error.line()).at(error.column());
        let message = error.to_string();
        // The place is printed in front already.
        fault(place, message.split(" at line ").next().unwrap_or_default().to_owned())
    })?;
    let n_lists = lists.test.len();
    let in_file = |problem| fault(Place::file(file), problem);
    let Some(list) = lists.test.get(split) else {
        return Err(in_file(format!("there is no split {split}: `test` holds {n_lists}, counted from 0")));
    };
    let mut is_test = vec![false; n_rows];
    for &row in list {
        match is_test.get_mut(row) {
            None => {
                return Err(in_file(format!("split {split} names row {row}, the table has {n_rows}, counted from 0")));
            }
            Some(true) => return Err(in_file(format!("split {split} names row {row} twice"))),
            Some(flag) => *flag = true,
        }
    }
    if list.is_empty() || list.len() == n_rows {
        let n_test = list.len();
        return Err(in_file(format!("split {split} makes {n_test} of {n_rows} rows test rows")));
    }
    Ok(is_test)
}
