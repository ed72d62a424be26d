//! Tables and time series from CSV files: what is read, and every fault with its place and remedy.

use std::error::Error;
use std::path::{Path, PathBuf};

use surprisal_core::{Blame, Diagnose};
use surprisal_data::{CsvConfig, CsvSeriesConfig, DataConfig, DataError, TableSplits, TargetColumns};

type Outcome = Result<(), Box<dyn Error>>;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: impl AsRef<[u8]>) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        folder.write("a.csv", text);
        folder
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    }

    fn table(&self, config: &str) -> Result<TableSplits, DataError> {
        let config: CsvConfig =
            toml::from_str(&format!("path = \"a.csv\"\n{config}")).unwrap_or_else(|e| panic!("{e}\n{config}"));
        config.load(self.0.path(), 1)
    }

    fn fault(&self, config: &str) -> (String, String) {
        self.said(self.table(config).map(|_| ()), config)
    }

    fn series(
        &self,
        config: &str,
    ) -> Result<surprisal_core::records::Splits<surprisal_core::records::Trajectory>, DataError> {
        let config: CsvSeriesConfig =
            toml::from_str(&format!("path = \"a.csv\"\n{config}")).unwrap_or_else(|e| panic!("{e}\n{config}"));
        config.load(self.0.path(), 1)
    }

    fn series_fault(&self, config: &str) -> (String, String) {
        self.said(self.series(config).map(|_| ()), config)
    }

    fn said(&self, outcome: Result<(), DataError>, config: &str) -> (String, String) {
        let error = outcome.expect_err(config);
        assert_eq!(error.blame(), Blame::User);
        let message = error.to_string().replace(&format!("{}/", self.0.path().display()), "");
        (message, error.hint().unwrap_or_default())
    }
}

const TABLE: &str = "a,b,job,y\n1,2,clerk,0.5\n\n3,4,\"smith, black\",1.5\n5,7,clerk,2.5\n";
const XY: &str = "inputs = [\"a\", \"b\"]\ntarget = \"y\"";

#[test]
fn rows_know_their_lines_whatever_ends_them() -> Outcome {
    for text in [
        TABLE.to_owned(),
        TABLE.replace('\n', "\r\n"),
        format!("\u{feff}{}", TABLE.trim_end()),
        TABLE.replace("1,2,", " 1 ,\t2 , ").replace("5,7", "5 , 7"),
    ] {
        let table = Folder::with(&text).table(XY)?;
        assert_eq!(
            (&table.inputs[..], &table.targets[..]),
            (&["a".to_owned(), "b".to_owned()][..], &["y".to_owned()][..])
        );
        let rows: Vec<_> = table.splits.train.iter().map(|r| (r.inputs.clone(), r.targets.clone(), r.line)).collect();
        let expected = [(vec![1.0, 2.0], vec![0.5], 2), (vec![3.0, 4.0], vec![1.5], 4), (vec![5.0, 7.0], vec![2.5], 5)];
        assert_eq!(rows, expected, "{text:?}");
    }
    let quoted = "a,note,y\n1,\"two\nlines\",1\n2,x,2\n";
    let table = Folder::with(quoted).table("inputs = [\"a\"]\ntarget = \"y\"")?;
    assert_eq!(table.splits.train.iter().map(|r| r.line).collect::<Vec<_>>(), [2, 4]);
    Ok(())
}

#[test]
fn words_become_levels_and_labels() -> Outcome {
    let folder = Folder::with(TABLE);
    let table = folder
        .table("inputs = [\"job\", \"a\"]\ncategorical = [\"job\"]\ntarget = { column = \"y\", positive = \"1.5\" }")?;
    assert_eq!(table.inputs, ["job=clerk", "job=smith, black", "a"]);
    let rows: Vec<_> = table.splits.train.iter().map(|r| (r.inputs.clone(), r.targets[0])).collect();
    assert_eq!(rows, [(vec![1.0, 0.0, 1.0], 0.0), (vec![0.0, 1.0, 3.0], 1.0), (vec![1.0, 0.0, 5.0], 0.0)]);

    let numbered =
        Folder::with("k,y\n10,1\n9,2\n1,3\n").table("inputs = [\"k\"]\ncategorical = [\"k\"]\ntarget = [\"y\"]")?;
    assert_eq!(numbered.inputs, ["k=1", "k=9", "k=10"]);
    let alone = folder.table("inputs = []\ntarget = [\"y\", \"a\"]")?;
    assert_eq!(
        (alone.inputs.len(), alone.targets, alone.splits.train[0].targets.clone()),
        (0, vec!["y".into(), "a".into()], vec![0.5, 1.0])
    );
    Ok(())
}

#[test]
fn published_splits_are_followed() -> Outcome {
    let rows: String = (0..10).map(|i| format!("{i},{}\n", i * i)).collect();
    let folder = Folder::with(format!("x,y\n{rows}"));
    folder.write("s.json", "{\"protocol\": \"by hand\", \"test\": [[0], [3, 8, 1]]}");
    let table =
        folder.table("inputs = [\"x\"]\ntarget = \"y\"\nsplits = \"s.json\"\nsplit = 1\nvalid_fraction = 0.3")?;
    let x = |rows: &[surprisal_core::records::Row]| rows.iter().map(|r| r.inputs[0]).collect::<Vec<_>>();
    assert_eq!((table.splits.test[0].0.as_str(), x(&table.splits.test[0].1)), ("test", vec![1.0, 3.0, 8.0]));
    assert_eq!((table.splits.valid.len(), table.splits.train.len()), (2, 5));
    let tables = table.tables();
    assert_eq!(
        tables.iter().map(|(name, t)| (*name, t.rows.len())).collect::<Vec<_>>(),
        [("train", 5), ("valid", 2), ("test", 3)]
    );

    for (json, split, message) in [
        ("{\"test\": [[0]]}", 1, "s.json: there is no split 1: `test` holds 1, counted from 0"),
        ("{\"test\": [[10]]}", 0, "s.json: split 0 names row 10, the table has 10, counted from 0"),
        ("{\"test\": [[2, 2]]}", 0, "s.json: split 0 names row 2 twice"),
        ("{\"test\": [[]]}", 0, "s.json: split 0 makes 0 of 10 rows test rows"),
        ("{\"test\":\n [[-1]]}", 0, "s.json:2:5: invalid value: integer `-1`, expected usize"),
        ("{\"train\": []}", 0, "s.json:1:13: missing field `test`"),
    ] {
        folder.write("s.json", json);
        let found = folder.fault(&format!("inputs = [\"x\"]\ntarget = \"y\"\nsplits = \"s.json\"\nsplit = {split}"));
        assert_eq!(found.0, message);
        assert!(found.1.starts_with("the file holds {\"test\""), "{}", found.1);
    }
    let keys = |text: &str| folder.fault(&format!("inputs = [\"x\"]\ntarget = \"y\"\n{text}")).0;
    assert_eq!(keys("splits = \"s.json\""), "`splits` is set and `split` is not");
    assert_eq!(keys("split = 0"), "`split` is set and `splits` is not");
    assert_eq!(
        keys("splits = \"s.json\"\nsplit = 0\ntest_fraction = 0.1"),
        "`splits` and `test_fraction` are both set"
    );
    Ok(())
}

#[test]
fn faults_of_tables_name_line_and_column() {
    let columns = "The columns are `a`, `b`, `job`, `y`";
    for (text, config, message, hint) in [
        ("", XY, "a.csv: the file holds no rows", "the first line names the columns, every other line is a row"),
        ("a,b,y\n", XY, "a.csv: the file holds no rows", "the first line names the columns, every other line is a row"),
        ("a,b,a,y\n1,2,3,4\n", XY, "a.csv:1: the header has the column `a` twice", "rename one of them"),
        (
            "a,b,y\n1,2,3\n1,2\n",
            XY,
            "a.csv:3: the row has 2 cells, the header has 3",
            "put cells that hold a comma in double quotes",
        ),
        (
            "a,b,y\r\n1,2,3\r\n1,2,3,4\r\n",
            XY,
            "a.csv:3: the row has 4 cells, the header has 3",
            "put cells that hold a comma in double quotes",
        ),
        (
            "a,b,y\n1,2,3\n1,x,3\n",
            XY,
            "a.csv:3: column `b`: expected a number, found `x`",
            "list columns of words under `categorical`",
        ),
        (
            "a,b,y\n1,2,3\n2,3,no\n",
            XY,
            "a.csv:3: column `y`: expected a number, found `no`",
            "for a column of labels write target = { column = \"…\", positive = \"…\" }, for one of classes target = { column = \"…\" }",
        ),
        ("a,b,y\n1,2,3\n1,,3\n", XY, "a.csv:3: column `b` is empty", "fill the cell or remove the row"),
        (
            "a,b,y\n1,2,3\n1,NaN,3\n",
            XY,
            "a.csv:3: column `b` is `NaN`, not a finite number",
            "fill the cell or remove the row",
        ),
        (
            "a,b,y\n1,2,3\n1,3,inf\n",
            XY,
            "a.csv:3: column `y` is `inf`, not a finite number",
            "fill the cell or remove the row",
        ),
        (
            "a,b,y\n1,2,3\n1.0,3,3\n",
            XY,
            "a.csv: the input column `a` is 1 in every training row",
            "leave it out of `inputs`, or set standardize = false",
        ),
        (
            "a,b,y\n1,2,3\n2,3,3.0\n",
            XY,
            "a.csv: the target column `y` has 3 in all 2 training rows",
            "bring rows that differ, or another `seed` where the rows that differ fell into other parts",
        ),
        (
            "a;b;y\n1;2;3\n",
            XY,
            "a.csv: `inputs` names the column `a`, which is not in the header",
            "the file seems to be separated by ';'; separate it by commas",
        ),
        (
            TABLE,
            "inputs = [\"jobs\"]\ntarget = \"y\"",
            "a.csv: `inputs` names the column `jobs`, which is not in the header",
            &format!("did you mean `job`? {columns}"),
        ),
        (
            TABLE,
            "inputs = [\"a\"]\ntarget = \"zz\"",
            "a.csv: `target` names the column `zz`, which is not in the header",
            "the columns are `a`, `b`, `job`, `y`",
        ),
        (
            TABLE,
            "inputs = [\"a\", \"y\"]\ntarget = \"y\"",
            "a.csv: the column `y` is used twice: in `inputs` and in `target`",
            "name it once",
        ),
        (
            TABLE,
            "inputs = [\"a\"]\ntarget = []",
            "a.csv: `target` names no column",
            "give `target` at least one column",
        ),
        (
            TABLE,
            "inputs = [\"a\"]\ntarget = \"y\"\ncategorical = [\"job\"]",
            "a.csv: `categorical` names the column `job`, which is not in `inputs`",
            "add it to `inputs`, where its place is its order",
        ),
        (
            TABLE,
            "inputs = [\"a\"]\ntarget = { column = \"job\", positive = \"cook\" }",
            "a.csv: `target`: none of the 3 rows have `cook` in column `job`",
            "labels of `job`: `clerk`, `smith, black`",
        ),
        (
            "a,l\n1,x\n2,x\n",
            "inputs = [\"a\"]\ntarget = { column = \"l\", positive = \"x\" }",
            "a.csv: `target`: all of the 2 rows have `x` in column `l`",
            "labels of `l`: `x`",
        ),
        (
            "a,l\n1,x\n2,\n",
            "inputs = [\"a\"]\ntarget = { column = \"l\", positive = \"x\" }",
            "a.csv:3: column `l` is empty",
            "fill the cell or remove the row",
        ),
        (
            "a,k,y\n1,x,1\n2,,2\n",
            "inputs = [\"k\"]\ncategorical = [\"k\"]\ntarget = \"y\"",
            "a.csv:3: column `k` is empty",
            "fill the cell or remove the row",
        ),
    ] {
        assert_eq!(Folder::with(text).fault(config), (message.to_owned(), hint.to_owned()));
    }
    let constant = Folder::with("a,b,y\n1,2,3\n1,3,4\n").table(&format!("{XY}\nstandardize = false"));
    assert!(constant.is_ok());
}

#[test]
fn a_target_of_the_wrong_form_keeps_its_place_and_hears_the_alternatives() {
    let error = |target: &str| {
        let text = format!("[csv]\npath = \"a.csv\"\ninputs = []\ntarget = {target}\n");
        toml::from_str::<DataConfig>(&text).expect_err(target).to_string()
    };
    let number = error("3");
    assert!(number.contains("line 4, column 10"), "{number}");
    assert!(
        number.contains("expected a column, a list of columns, { column = \"…\", positive = \"…\" } or"),
        "{number}"
    );
    let key = error("{ column = \"a\", positiv = \"b\" }");
    assert!(key.contains("line 4") && key.contains("unknown field `positiv`"), "{key}");
    let missing = error("{ positive = \"a\" }");
    assert!(missing.contains("line 4") && missing.contains("missing field `column`"), "{missing}");
    let mixed = error("[\"a\", 3]");
    assert!(mixed.contains("line 4, column 16"), "{mixed}");
}

#[test]
fn targets_survive_being_written() -> Outcome {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Holder {
        target: TargetColumns,
    }
    for text in ["target = \"y\"", "target = [\"a\", \"b\"]", "target = { column = \"a\", positive = \"b\" }"] {
        let holder: Holder = toml::from_str(text)?;
        assert_eq!(toml::from_str::<Holder>(&toml::to_string(&holder)?)?.target, holder.target);
    }
    Ok(())
}

#[test]
fn every_kind_has_its_name() -> Outcome {
    let text = [
        "[extxyz]\ntrain = \"a.xyz\"",
        "[csv]\npath = \"a.csv\"\ninputs = []\ntarget = \"y\"",
        "[csv_series]\npath = \"a.csv\"\ntime = \"t\"\nstates = [\"x\"]",
    ];
    for (text, name) in text.into_iter().zip(DataConfig::NAMES) {
        assert_eq!(toml::from_str::<DataConfig>(text)?.name(), *name);
    }
    assert!(schemars::schema_for!(DataConfig).as_value().to_string().contains("isolated_atom_energies"));
    Ok(())
}

#[test]
fn trajectories_are_gathered_and_cut_whole() -> Outcome {
    let text = "id,t,x,y\nb,0,1,2\na,0,5,\nb,0.5,NA,3\na,1,nan,1d1\n\nb,1.5,4,5\n";
    let folder = Folder::with(text);
    let columns = "time = \"t\"\nstates = [\"y\", \"x\"]\ntrajectory = \"id\"";
    let found = folder.series(columns)?.train;
    assert_eq!(found.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((&found[0].times, &found[0].lines), (&vec![0.0, 0.5, 1.5], &vec![2, 4, 7]));
    assert_eq!((found[0].observed[0].clone(), found[0].observed[2].clone()), (vec![2.0, 1.0], vec![5.0, 4.0]));
    assert!(found[0].observed[1][1].is_nan() && found[1].observed[0][0].is_nan());
    assert_eq!(found[1].observed[1][0], 10.0);
    let cut = folder.series(&format!("{columns}\ntest_fraction = 0.5"))?;
    assert_eq!((cut.train.len(), cut.valid.len(), cut.test[0].1.len()), (1, 0, 1));
    let one = Folder::with("t,x\n0,1\n1,2\n").series("time = \"t\"\nstates = [\"x\"]")?.train;
    assert_eq!((one.len(), one[0].id.as_str()), (1, "1"));
    Ok(())
}

#[test]
fn the_rest_of_training_trajectories_can_be_kept_for_a_test() -> Outcome {
    let folder = Folder::with("id,t,x\na,0,1\na,1,2\na,2,3\na,3,4\nb,0,5\nb,1,6\n");
    let config = "time = \"t\"\nstates = [\"x\"]\ntrajectory = \"id\"\ntrain_until = 1.5";
    let found = folder.series(config)?;
    assert_eq!(found.train.iter().map(|t| t.times.clone()).collect::<Vec<_>>(), [[0.0, 1.0], [0.0, 1.0]]);
    assert_eq!((found.train[0].lines.clone(), found.train[0].n_given), (vec![2, 3], 0));
    let (name, later) = &found.test[0];
    assert_eq!((name.as_str(), later.len(), later[0].n_given), ("later", 1, 1));
    assert_eq!(
        (later[0].times.clone(), later[0].observed[2][0], later[0].lines.clone()),
        (vec![0.0, 2.0, 3.0], 4.0, vec![2, 4, 5])
    );
    let (message, _) = folder.series_fault(&config.replace("1.5", "7.0"));
    assert_eq!(message, "a.csv: no training trajectory has a row after `train_until` = 7");
    Ok(())
}

#[test]
fn inputs_are_read_beside_the_states() -> Outcome {
    let folder = Folder::with("id,t,x,light,heat\na,0,1,5,\na,1,2,,3\nb,0,1,7,8\n");
    let config = "time = \"t\"\nstates = [\"x\"]\ntrajectory = \"id\"\ninputs = [\"heat\", \"light\"]";
    let found = folder.series(config)?.train;
    assert_eq!((found[0].inputs[1][0], found[0].inputs[0][1], found[1].inputs[0].clone()), (3.0, 5.0, vec![8.0, 7.0]));
    assert!(found[0].inputs[0][0].is_nan() && found[0].inputs[1][1].is_nan());
    let (message, _) = folder.series_fault(&config.replace("heat", "x"));
    assert!(message.contains("`x`") && message.contains("`inputs`"), "{message}");
    let blind = Folder::with("id,t,x,light,heat\na,0,1,5,\na,1,2,,3\nb,0,1,7,\n");
    let (message, hint) = blind.series_fault(config);
    assert_eq!(message, "a.csv: the input column `heat` has no value in trajectory `b`");
    assert!(hint.contains("one value at least"), "{hint}");
    Ok(())
}

#[test]
fn faults_of_series_name_the_line() {
    let config = "time = \"t\"\nstates = [\"x\"]";
    let with_ids = "time = \"t\"\nstates = [\"x\"]\ntrajectory = \"id\"";
    for (text, config, message, hint) in [
        (
            "t,x\n0,1\n1,2\n1,3\n",
            config,
            "a.csv:4: trajectory `1`: time 1 follows 1 of line 3; times must increase",
            "if the file holds several trajectories, name the column that tells them apart: trajectory = \"id\"",
        ),
        (
            "id,t,x\na,0,1\nb,1,2\na,-1,3\n",
            with_ids,
            "a.csv:4: trajectory `a`: time -1 follows 0 of line 2; times must increase",
            "sort the rows of each trajectory by time and average repeated times",
        ),
        ("t,x\n0,1\n,2\n", config, "a.csv:3: column `t` is empty", "fill the cell or remove the row"),
        (
            "t,x\n0,1\n1,-\n",
            config,
            "a.csv:3: column `x`: expected a number, found `-`",
            "correct the cell; leave it empty where a state was not observed",
        ),
        (
            "t,x\n0,1\n1,inf\n",
            config,
            "a.csv:3: column `x` is `inf`, not a finite number",
            "fill the cell or remove the row",
        ),
        ("t,x\n0,\n1,\n", config, "a.csv: the state column `x` is never observed", "leave it out of `states`"),
        ("id,t,x\na,0,1\n,1,2\n", with_ids, "a.csv:3: column `id` is empty", "fill the cell or remove the row"),
        (
            "t,x\n0,1\n",
            "time = \"t\"\nstates = []",
            "a.csv: `states` names no column",
            "give `states` at least one column",
        ),
        (
            "t,x\n0,1\n",
            "time = \"t\"\nstates = [\"x\", \"x\"]",
            "a.csv: the column `x` is used twice: in `states` and in `states`",
            "name it once",
        ),
        (
            "t,x\n0,1\n",
            "time = \"t\"\nstates = [\"t\"]",
            "a.csv: the column `t` is used twice: in `time` and in `states`",
            "name it once",
        ),
        (
            "time,x\n0,1\n",
            config,
            "a.csv: `time` names the column `t`, which is not in the header",
            "did you mean `time`? The columns are `time`, `x`",
        ),
        (
            "t,x\n0,1\n",
            "time = \"t\"\nstates = [\"x\"]\nvalid_fraction = 0.1",
            "`valid_fraction` = 0.1 of 1 trajectories leaves the valid split empty",
            "a single group cannot be cut; leave `valid_fraction` out or bring more data",
        ),
    ] {
        assert_eq!(Folder::with(text).series_fault(config), (message.to_owned(), hint.to_owned()));
    }
}

#[test]
fn published_tables_are_read_where_they_are_present() -> Outcome {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tabular");
    if !data.exists() {
        return Ok(());
    }
    let load = |text: &str| toml::from_str::<CsvConfig>(text).map(|config| config.load(&data, 1));
    let inputs = "inputs = [\"x1\", \"x2\", \"x3\", \"x4\", \"x5\", \"x6\"]\ntarget = \"y\"";
    let yacht = load(&format!("path = \"uci_yacht.csv\"\n{inputs}\nsplits = \"uci_yacht.splits.json\"\nsplit = 19"))??;
    assert_eq!(yacht.splits.train.len() + yacht.splits.test[0].1.len(), 308);
    let adult = load(
        "path = \"adult.csv\"\ninputs = [\"age\", \"workclass\", \"native-country\", \"hours-per-week\"]\n\
         categorical = [\"workclass\", \"native-country\"]\ntest_fraction = 0.2\nunseen_levels = \"zero\"\n\
         target = { column = \"income-per-year\", positive = \">50K\" }",
    )??;
    assert!(adult.inputs.contains(&"workclass=Private".to_owned()));
    Ok(())
}
