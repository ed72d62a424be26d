//! From a TOML file and `--set` overrides to an [`Experiment`], with errors that name the place.

use std::path::{Path, PathBuf};

use surprisal_core::closest;
use surprisal_train::TrainConfig;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::experiment::Experiment;
use crate::failure::Failure;
use crate::fitting;
use crate::origin::{Origin, line_and_column};
use crate::values;

/// Tables of which exactly one entry is chosen; setting another entry replaces the chosen one.
const FAMILIES: [&str; 6] = ["data", "model", "likelihood", "risk", "optimizer", "schedule"];

/// An experiment and the folder its paths start from.
pub(crate) struct Source {
    /// As configured, overrides applied, `data_root` absolute.
    pub(crate) experiment: Experiment,
    /// `data_root`, absolute.
    pub(crate) data_root: PathBuf,
    /// Where its keys were written.
    pub(crate) origin: Origin,
}

/// Reads a configuration file and applies `KEY=VALUE` overrides to it.
pub(crate) fn read(path: &Path, overrides: &[String]) -> Result<Source, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, "read", &e))?;
    let mut experiment =
        if overrides.is_empty() { parse(path, &text)? } else { parse_overridden(path, &text, overrides)? };
    let origin = Origin::new(path, text, overrides);
    values::check(&origin, &experiment)?;
    fitting::check(&origin, &experiment)?;
    let settings = fitting::settings(&origin, &experiment)?;
    experiment.train = TrainConfig::from(&settings);
    let data_root = root(path, &experiment);
    let data_root = data_root.canonicalize().map_err(|e| {
        Failure::user(
            format!("{}: `data_root` is no folder: {} ({e})", origin.locate(&["data_root"]), data_root.display()),
            "`data_root` is resolved against the folder of the configuration file",
        )
    })?;
    experiment.data_root = Some(data_root.clone());
    Ok(Source { experiment, data_root, origin })
}

/// The same without a look at the values or the data, with the folder that relative paths start from,
/// which may not exist.
pub(crate) fn experiment_and_root(path: &Path, overrides: &[String]) -> Result<(Experiment, PathBuf), Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, "read", &e))?;
    let experiment = parse_overridden(path, &text, overrides)?;
    let root = root(path, &experiment);
    Ok((experiment, root))
}

/// `data_root` against the folder of the configuration file.
fn root(path: &Path, experiment: &Experiment) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.join(experiment.data_root.as_deref().unwrap_or(Path::new(".")))
}

fn parse(path: &Path, text: &str) -> Result<Experiment, Failure> {
    toml::from_str(text).map_err(|error| located(&path.display().to_string(), text, error.span(), error.message()))
}

/// Parses with overrides. An error that the file has without them is shown in the file; one that an
/// override brings is laid at its door.
fn parse_overridden(path: &Path, text: &str, overrides: &[String]) -> Result<Experiment, Failure> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|e: toml_edit::TomlError| located(&path.display().to_string(), text, e.span(), e.message()))?;
    for assignment in overrides {
        apply(&mut document, assignment)?;
    }
    let whole = toml::from_str::<Experiment>(&document.to_string());
    let error = match whole {
        Ok(experiment) => return Ok(experiment),
        Err(error) => located("", "", None, error.message()),
    };
    if let Err(in_file) = parse(path, text)
        && in_file.message().contains(error.message())
    {
        return Err(in_file);
    }
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| Failure::program(e.to_string()))?;
    for assignment in overrides {
        apply(&mut document, assignment)?;
        if let Err(e) = toml::from_str::<Experiment>(&document.to_string()) {
            let failure = located(&format!("--set {assignment}"), "", None, e.message());
            return Err(failure);
        }
    }
    Err(error)
}

/// `a.b.c=value`: the value is TOML where it parses as TOML, else a string.
fn apply(document: &mut DocumentMut, assignment: &str) -> Result<(), Failure> {
    let (key, value) = assignment.split_once('=').ok_or_else(|| {
        Failure::user(format!("--set {assignment}: no `=`"), "write --set KEY=VALUE, for example --set train.epochs=5")
    })?;
    let value: Value = value.trim().parse().unwrap_or_else(|_| Value::from(value.trim()));
    let keys: Vec<&str> = key.trim().split('.').collect();
    assign(document.as_table_mut(), &keys, value, true).map_err(|at| {
        Failure::user(
            format!("--set {assignment}: `{at}` is not a table, or has no such entry"),
            "name a key inside a table, for example --set optimizer.adamw.learning_rate=1e-3",
        )
    })
}

/// Sets `keys` below `table`, making tables on the way; the error is the key that is no table.
fn assign(table: &mut dyn TableLike, keys: &[&str], value: Value, top: bool) -> Result<(), String> {
    let (name, rest) = keys.split_first().ok_or_else(String::new)?;
    let Some(next) = rest.first() else {
        table.insert(name, Item::Value(value));
        return Ok(());
    };
    let entry = table.entry(name).or_insert(Item::Table(Table::new()));
    if let Some(array) = entry.as_array_of_tables_mut() {
        let chosen =
            next.parse().ok().and_then(|index: usize| array.get_mut(index)).ok_or_else(|| (*next).to_string())?;
        return assign(chosen, &rest[1..], value, false);
    }
    let inner = entry.as_table_like_mut().ok_or_else(|| (*name).to_string())?;
    if top && FAMILIES.contains(name) && !inner.contains_key(next) {
        inner.clear();
    }
    assign(inner, rest, value, false)
}

/// An error in a configuration with `file:line:column`, the line itself and a nearby name.
fn located(file: &str, text: &str, span: Option<std::ops::Range<usize>>, message: &str) -> Failure {
    let manual = Manual {
        keys: "`surprisal schema` describes every key",
        names: "run `surprisal list` for every name, `surprisal schema` for every key",
    };
    located_in(file, text, span, message, &manual)
}

/// Where a reader learns what may stand in a file.
pub(crate) struct Manual {
    /// Of its keys, as a sentence that may go on.
    pub(crate) keys: &'static str,
    /// Of the names that entries may have.
    pub(crate) names: &'static str,
}

/// The same in a file that has a manual of its own.
pub(crate) fn located_in(
    file: &str,
    text: &str,
    span: Option<std::ops::Range<usize>>,
    message: &str,
    manual: &Manual,
) -> Failure {
    // serde speaks of Rust's types; people count in whole numbers.
    let message = message
        .trim()
        .replace("expected usize", "expected a whole number")
        .replace("expected u64", "expected a whole number");
    let message = message.as_str();
    let mut shown = String::new();
    match span {
        Some(span) if !text.is_empty() => {
            let start = span.start.min(text.len());
            let (line, column) = line_and_column(text, start);
            shown.push_str(&format!("{file}:{line}:{column}: {message}"));
            if let Some(source) = text.lines().nth(line - 1).filter(|l| !l.trim().is_empty()) {
                let margin = line.to_string();
                let blank = " ".repeat(margin.len());
                let width =
                    text[start..span.end.min(text.len())].lines().next().map_or(1, |l| l.chars().count().max(1));
                shown.push_str(&format!(
                    "\n {margin} | {source}\n {blank} | {}{}",
                    " ".repeat(column - 1),
                    "^".repeat(width)
                ));
            }
        }
        _ if file.is_empty() => shown.push_str(message),
        _ => shown.push_str(&format!("{file}: {message}")),
    }
    Failure::user(shown, advice(message, manual))
}

/// What to do about a message of the TOML reader.
fn advice(message: &str, manual: &Manual) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let (wrong, candidates) = names.split_first().map_or(("", &[][..]), |(wrong, rest)| (*wrong, rest));
        return match closest(wrong, candidates.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => manual.names.into(),
        };
    }
    if message.starts_with("missing field") {
        return format!("add it; {}", manual.keys);
    }
    if message.contains("wanted exactly 1 element") {
        return "choose exactly one: keep one of its tables or keys".into();
    }
    format!("{} and its type", manual.keys)
}
