//! Extended XYZ: everything ASE writes or reads, and every fault with its place and remedy.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use surprisal_core::records::Structure;
use surprisal_core::{Blame, Diagnose};
use surprisal_data::extxyz::{ExtxyzConfig, Keys, read};

type Outcome = Result<(), Box<dyn Error>>;

const PROPERTIES: &str = "Properties=species:S:1:pos:R:3:forces:R:3";
const ATOMS: &str = "H 0 0 0 1 2 3\nO 0 0 1 -1 -2 -3\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    }
}

fn frames(text: &str) -> Vec<Structure> {
    let folder = Folder::new();
    read(&folder.write("a.xyz", text), &Keys::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).structures
}

fn frame(comment: &str) -> Structure {
    frames(&format!("2\n{PROPERTIES} {comment}\n{ATOMS}")).remove(0)
}

/// The message, without the folder, and the hint.
fn fault_with(keys: &Keys, text: &str) -> (String, String) {
    let folder = Folder::new();
    let error = read(&folder.write("a.xyz", text), keys).expect_err(text);
    assert_eq!(error.blame(), Blame::User, "{error}");
    let message = error.to_string().replace(&format!("{}/", folder.0.path().display()), "");
    (message, error.hint().unwrap_or_default())
}

fn fault(text: &str) -> (String, String) {
    fault_with(&Keys::default(), text)
}

/// A fault in the second of two frames, so that places are counted in earnest.
fn second(text: &str) -> (String, String) {
    fault(&format!("2\n{PROPERTIES} energy=1\n{ATOMS}{text}"))
}

#[test]
fn frames_written_by_ase_read_as_ase_reads_them() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let found = read(&folder.join("ase.xyz"), &Keys::default())?.structures;
    let expected: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.join("ase.json"))?)?;
    let expected = expected.as_array().ok_or("a list")?;
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let vectors = |key: &str| serde_json::from_value::<Vec<[f64; 3]>>(expected[key].clone());
        let cell = vectors("cell")?;
        assert_eq!(found.species, serde_json::from_value::<Vec<u8>>(expected["numbers"].clone())?);
        assert_eq!(found.positions, vectors("positions")?);
        assert_eq!(found.forces, Some(vectors("forces")?));
        assert_eq!(found.cell.map(Vec::from), if cell.iter().flatten().all(|x| *x == 0.0) { None } else { Some(cell) });
        assert_eq!(found.periodic, serde_json::from_value::<[bool; 3]>(expected["pbc"].clone())?);
        assert_eq!(found.energy, expected["energy"].as_f64());
        assert_eq!((found.frame, found.step), (i + 1, if i == 1 { 40 } else { i as i64 + 1 }));
    }
    Ok(())
}

#[test]
fn lattices_and_periodicity_in_all_their_spellings() {
    let cell = Some([[4.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.0, 0.0, 6.0]]);
    let box_ = Some([[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 6.0]]);
    for (comment, expected, periodic) in [
        ("Lattice=\"4 0 0 1 5 0 0 0 6\"", cell, [true; 3]),
        ("Lattice='4.0 0 0 1 5 0 0 0 6' pbc=\"T T F\"", cell, [true, true, false]),
        ("Lattice={4 0 0 1 5 0 0 0 6} pbc=\"F F F\"", cell, [false; 3]),
        ("Lattice=[[4,0,0],[1,5,0],[0,0,6]] pbc=[True, False, True]", cell, [true, false, true]),
        ("Lattice=\"_JSON [[4, 0, 0], [1, 5, 0], [0, 0, 6]]\" pbc=\"1 0 1\"", cell, [true, false, true]),
        ("Lattice=\"4 5 6\" pbc=true", box_, [true; 3]),
        ("lattice = \"4d0 5D0 6e0\" PBC = F", box_, [false; 3]),
        ("", None, [false; 3]),
        ("pbc=\"F F F\"", None, [false; 3]),
    ] {
        let found = frame(comment);
        assert_eq!((found.cell, found.periodic), (expected, periodic), "{comment}");
    }
    let vectors = frames(&format!("2\n{PROPERTIES} energy=1\n{ATOMS}VEC1 4 0 0\nVEC2 0 5 0\n2\n{PROPERTIES}\n{ATOMS}"));
    assert_eq!(vectors[0].cell, Some([[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0; 3]]));
    assert_eq!((vectors[0].periodic, vectors[1].cell), ([true, true, false], None));
}

#[test]
fn energies_and_steps_under_their_keys() -> Outcome {
    assert_eq!(frame("energy=-1.5d2").energy, Some(-150.0));
    assert_eq!(frame("energy='-1.5' free_energy=-2").energy, Some(-1.5));
    assert_eq!(frame("free_energy=-2").energy, Some(-2.0));
    assert_eq!(frame("relaxed").energy, None);
    assert_eq!((frame("step=30").step, frame("Time=10.0").step, frame("time=0.5").step), (30, 10, 1));

    let folder = Folder::new();
    let text = "1\nProperties=Z:I:1:REF_forces:R:3:pos:R:3 REF_energy=-3 energy=7 pbc=F\n8 1 2 3 0 0 0\n";
    let keys = Keys { energy: "REF_energy".into(), forces: Some("REF_forces".into()) };
    let found = read(&folder.write("a.xyz", text), &keys)?.structures.remove(0);
    assert_eq!((found.species, found.energy, found.forces), (vec![8], Some(-3.0), Some(vec![[1.0, 2.0, 3.0]])));
    Ok(())
}

#[test]
fn columns_come_in_any_order_with_others_between() {
    let text =
        "1\nProperties=tag:S:2:force:R:3:keep:L:1:positions:R:3:n:I:1:species:S:1\n a b 1 2 3 T 4 5.5 6d-1 7 cl\n";
    let found = frames(text).remove(0);
    assert_eq!((found.species, found.positions), (vec![17], vec![[4.0, 5.5, 0.6]]));
    assert_eq!(found.forces, Some(vec![[1.0, 2.0, 3.0]]));
}

#[test]
fn line_ends_blank_lines_and_compression_do_not_matter() -> Outcome {
    let text = format!("2\n{PROPERTIES} energy=1\n{ATOMS}2\n{PROPERTIES} energy=2\n{ATOMS}");
    let expected = frames(&text);
    assert_eq!(expected.len(), 2);
    for variant in [
        text.replace('\n', "\r\n"),
        format!("{text}\n\n  \n"),
        text.trim_end().to_owned(),
        format!("\u{feff}\n{text}"),
        text.replace(' ', "\t"),
    ] {
        assert_eq!(frames(&variant), expected, "{variant:?}");
    }
    let folder = Folder::new();
    let pack = |text: &str| -> Result<Vec<u8>, std::io::Error> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(text.as_bytes())?;
        encoder.finish()
    };
    let packed = pack(&text)?;
    for name in ["a.xyz.gz", "a.xyz"] {
        assert_eq!(read(&folder.write(name, &packed), &Keys::default())?.structures, expected);
    }
    let (one, two) = text.split_at(text.len() / 2);
    let members = [pack(one)?, pack(two)?].concat();
    assert_eq!(read(&folder.write("b.gz", members), &Keys::default())?.structures, expected);

    let cut = read(&folder.write("cut.gz", &packed[..packed.len() - 12]), &Keys::default()).expect_err("cut short");
    assert_eq!(cut.hint().as_deref(), Some("the compressed file is cut short; copy it again"), "{cut}");
    assert_eq!(cut.blame(), Blame::User);
    Ok(())
}

#[test]
fn isolated_atoms_are_energies_and_not_frames() -> Outcome {
    let folder = Folder::new();
    let text = format!(
        "1\nProperties=species:S:1:pos:R:3 config_type=isolated_atom energy=-13.5 pbc=\"F F F\"\nH 0 0 0\n\
         1\n{PROPERTIES} config_type=IsolatedAtom energy=-20 Lattice=\"9 9 9\"\nO 0 0 0 0 0 0\n\
         1\nenergy=-30\nC 0 0 0\n2\n{PROPERTIES} energy=1\n{ATOMS}"
    );
    let found = read(&folder.write("a.xyz", text), &Keys::default())?;
    assert_eq!(found.isolated.into_iter().collect::<Vec<_>>(), [(1, -13.5), (6, -30.0), (8, -20.0)]);
    assert_eq!((found.structures.len(), found.structures[0].frame), (1, 4));

    // A crystal with one atom per cell is a frame like any other.
    let crystal = format!("1\n{PROPERTIES} Lattice=\"0 2 2 2 0 2 2 2 0\" energy=1\nAl 0 0 0 0 0 0\n");
    assert_eq!(frames(&crystal).len(), 1);
    Ok(())
}

#[test]
fn geometry_alone_needs_no_forces() -> Outcome {
    let folder = Folder::new();
    let found = read(&folder.write("a.xyz", "2\nBob's water\nH 0 0 0 extra\nO 0 0 1\n"), &Keys::geometry())?;
    assert_eq!((found.structures.len(), &found.structures[0].forces), (1, &None));
    Ok(())
}

#[test]
fn files_that_are_not_there_or_not_text() -> Outcome {
    let folder = Folder::new();
    let path = folder.write("train_300K.xyz", "");
    let here = folder.0.path().display();
    let error = read(&folder.0.path().join("train_30K.xyz"), &Keys::default()).expect_err("missing");
    assert_eq!(error.to_string(), format!("no such file: {here}/train_30K.xyz"));
    assert_eq!(error.hint(), Some(format!("did you mean {here}/train_300K.xyz?")));
    let error = read(Path::new("/nowhere/at/all.xyz"), &Keys::default()).expect_err("missing");
    let hint = "the folder /nowhere/at does not exist either; relative paths start at `data_root`";
    assert_eq!(error.hint().as_deref(), Some(hint));
    let error = read(&path, &Keys::default()).expect_err("empty");
    assert_eq!(error.to_string(), format!("{here}/train_300K.xyz: the file holds no frames"));
    let error = read(&folder.write("b.xyz", b"1\n\xff\xfe\n"), &Keys::default()).expect_err("binary");
    assert_eq!(error.to_string(), format!("{here}/b.xyz:2: the line is not UTF-8 text"));
    let error = read(folder.0.path(), &Keys::default()).expect_err("a folder");
    assert_eq!(error.blame(), Blame::User, "{error}");
    Ok(())
}

#[test]
fn faults_of_atoms_name_the_line_and_the_column() {
    let atoms = |line: &str| second(&format!("2\n{PROPERTIES} energy=1\nH 0 0 0 1 2 3\n{line}\n")).0;
    for (line, message) in [
        ("O 0 x1 1 1 2 3", "a.xyz:8:5: frame 2: atom 2: expected a number in column `pos`, found `x1`"),
        ("O 0 0 1 1 2 ****", "a.xyz:8:13: frame 2: atom 2: expected a number in column `forces`, found `****`"),
        ("O 0 0 1 1 nan 3", "a.xyz:8:11: frame 2: atom 2: column `forces` is `nan`, not a finite number"),
        ("O 0 -inf 1 1 2 3", "a.xyz:8:5: frame 2: atom 2: column `pos` is `-inf`, not a finite number"),
        ("O 0 1e999 1 1 2 3", "a.xyz:8:5: frame 2: atom 2: column `pos` is `1e999`, not a finite number"),
        ("O 0 0 1", "a.xyz:8: frame 2: atom 2 has 4 fields, `Properties` announces 7"),
        ("", "a.xyz:8: frame 2: atom 2 has 0 fields, `Properties` announces 7"),
        ("O 0 0 1 1 2 3 4 5", "a.xyz:8: frame 2: atom 2 has 9 fields, `Properties` announces 7"),
        ("O 0 0 0.05 1 2 3", "a.xyz:8: frame 2: atoms 1 and 2 are 0.050 Å apart"),
    ] {
        assert_eq!(atoms(line), message);
    }
    for (symbol, hint) in [("H1", "did you mean H?"), ("Qh", ""), ("C_a", "did you mean C?"), ("0", ""), ("Xx", "")] {
        let (message, found) = second(&format!("1\n{PROPERTIES} energy=1\n {symbol} 0 0 0 1 2 3\n"));
        assert_eq!(message, format!("a.xyz:7:2: frame 2: atom 1: `{symbol}` is not a chemical element"));
        assert_eq!(found, hint, "{symbol}");
    }
}

#[test]
fn faults_of_counts_and_ends() {
    assert_eq!(second("-3\n\n").0, "a.xyz:5: frame 2: the number of atoms must be positive, found -3");
    assert_eq!(second("0\n\n").0, "a.xyz:5: frame 2: the number of atoms must be positive, found 0");
    let (message, hint) = second("\nO 0 0 2 1 1 1\n");
    assert_eq!(message, "a.xyz:6: frame 2: expected the number of atoms, found `O 0 0 2 1 1 1`");
    assert_eq!(hint, "does the frame before hold more atoms than it announces?");
    let text = format!("3\n{PROPERTIES} energy=1\n{ATOMS}");
    assert_eq!(second(&text).0, "a.xyz:8: frame 2: the file ends after 2 of 3 atoms");
    assert_eq!(second("3\n").0, "a.xyz:5: frame 2: the file ends after 0 of 3 atoms");
    assert_eq!(fault(" \n\n").0, "a.xyz: the file holds no frames");
    assert!(fault(&format!("99999999999\n{PROPERTIES}\n{ATOMS}")).0.ends_with("after 2 of 99999999999 atoms"));
}

#[test]
fn faults_of_columns() {
    let comment = |comment: &str| second(&format!("2\n{comment}\n{ATOMS}"));
    let (message, hint) = comment("energy=1 Properties=species:S:1:pos:R:3:dft_forces:R:3:mom:R:3");
    let columns = "`species:S:1`, `pos:R:3`, `dft_forces:R:3`, `mom:R:3`";
    assert_eq!(message, format!("a.xyz:6:10: frame 2: there is no forces column `forces` among {columns}"));
    assert_eq!(hint, "forces_key = \"dft_forces\" or forces_key = \"mom\" would fit");
    let plain = second("2\nplain xyz\nH 0 0 0\nO 0 0 1\n");
    assert_eq!(plain.0, "a.xyz:6: frame 2: there is no forces column `forces` among `species:S:1`, `pos:R:3`");
    assert_eq!(plain.1, "forces are three real numbers per atom: Properties=species:S:1:pos:R:3:forces:R:3");
    for (properties, message) in [
        ("species:S:1:pos:R", "cannot read `Properties=species:S:1:pos:R`"),
        ("pos:R:3:forces:R:3", "there is no `species` column among `pos:R:3`, `forces:R:3`"),
        ("species:S:1:forces:R:3", "there is no `pos` column among `species:S:1`, `forces:R:3`"),
        ("species:S:1:pos:R:3:forces:R:2", "the column `forces` must have 3 components, `Properties` gives it 2"),
        ("species:S:2:pos:R:3", "the column `species` must have 1 component, `Properties` gives it 2"),
    ] {
        assert_eq!(comment(&format!("Properties={properties}")).0, format!("a.xyz:6:1: frame 2: {message}"));
    }
}

#[test]
fn faults_of_the_comment_line() {
    for (text, column, message) in [
        ("energy=abc", 43, "expected a finite number for `energy`, found `abc`"),
        ("energy", 43, "expected a finite number for `energy`, found `T`"),
        ("a=1 energy=nan", 47, "expected a finite number for `energy`, found `nan`"),
        ("Lattice=\"1 2\"", 43, "`Lattice` must be 9 finite numbers (or 3 for a box), found `1 2`"),
        ("Lattice=\"1 2 inf\"", 43, "`Lattice` must be 9 finite numbers (or 3 for a box), found `1 2 inf`"),
        ("pbc=\"T T\"", 43, "`pbc` must be three logical values such as \"T T F\", found `T T`"),
        ("pbc=\"T T maybe\"", 43, "`pbc` must be three logical values such as \"T T F\", found `T T maybe`"),
        ("name=\"open energy=1", 48, "the quote \" is never closed"),
    ] {
        let found = second(&format!("2\n{PROPERTIES} {text}\n{ATOMS}")).0;
        assert_eq!(found, format!("a.xyz:6:{column}: frame 2: {message}"));
    }
}

#[test]
fn cells_without_volume_and_images_on_top_of_each_other() {
    let singular = "a.xyz:6: frame 2: the periodic lattice vectors are zero or parallel";
    for text in ["Lattice=\"1 0 0 2 0 0 0 0 1\"", "pbc=\"T F F\"", "Lattice=\"5 5 0\""] {
        let (message, hint) = second(&format!("2\n{PROPERTIES} {text}\n{ATOMS}"));
        assert_eq!(message, singular, "{text}");
        assert_eq!(hint, "give three independent vectors in `Lattice`, or pbc=\"F F F\"");
    }
    let image = format!("2\n{PROPERTIES} Lattice=\"4 4 4\"\nH 0 0 0.01 0 0 0\nO 0 0 3.97 0 0 0\n");
    let message = "a.xyz:8: frame 2: atoms 1 and 2 (across the periodic boundary) are 0.040 Å apart";
    assert_eq!(second(&image).0, message);
    assert_eq!(frames(&image.replace("4 4 4\"", "4 4 4\" pbc=F")).len(), 1);
}

#[test]
fn a_configured_energy_that_no_frame_has() {
    let keys = Keys { energy: "dft_energy".into(), ..Keys::default() };
    let text = format!("2\n{PROPERTIES} REF_energy=-3 name=a step=2\n{ATOMS}");
    let (message, hint) = fault_with(&keys, &text);
    assert_eq!(message, "a.xyz: no frame has the energy key `dft_energy`");
    assert_eq!(hint, "keys with a number in the first frame: `REF_energy`, `step`");
}

#[test]
fn faults_of_isolated_atoms() {
    let atom = |energy: &str| format!("1\nProperties=species:S:1:pos:R:3 {energy}\nH 0 0 0\n");
    assert_eq!(second(&atom("")).0, "a.xyz:6: frame 2: the isolated H atom has no energy `energy`");
    let twice = second(&(atom("energy=-1") + &atom("energy=-1") + &atom("energy=-2")));
    assert_eq!(twice.0, "a.xyz:12: frame 4: the isolated H atom has energy -2 eV here and -1 eV before");
}

fn config(text: &str) -> Result<ExtxyzConfig, toml::de::Error> {
    toml::from_str(text)
}

fn many(n: usize) -> String {
    (0..n).map(|i| format!("2\n{PROPERTIES} energy={i}\n{ATOMS}")).collect()
}

#[test]
fn a_configuration_loads_its_parts_in_order() -> Outcome {
    let folder = Folder::new();
    let isolated = "1\nProperties=species:S:1:pos:R:3 energy=-13\nH 0 0 0\n";
    folder.write("train.xyz", isolated.to_owned() + &many(20));
    folder.write("b.xyz", many(3));
    folder.write("a.xyz", isolated.replace("-13", "-99") + &many(2));
    let text = "train = \"train.xyz\"\nvalid_fraction = 0.1\ntest.zulu = \"b.xyz\"\ntest.alpha = \"a.xyz\"\n\
                isolated_atom_energies = { O = -20.0 }";
    let config = config(text)?;
    let (splits, isolated) = config.load(folder.0.path(), 7)?;
    let sizes: Vec<_> = splits.parts().iter().map(|(name, part)| ((*name).to_owned(), part.len())).collect();
    let expected = [("train", 18), ("valid", 2), ("zulu", 3), ("alpha", 2)];
    assert_eq!(sizes, expected.map(|(name, n)| (name.to_owned(), n)));
    assert_eq!(isolated.into_iter().collect::<Vec<_>>(), [(1, -13.0), (8, -20.0)]);
    let alone = "1\nconfig_type=isolated_atom energy=-14\nH 0 0 0\n1\nconfig_type=isolated_atom energy=-21\nO 0 0 0\n";
    folder.write("atoms.xyz", alone);
    let config = ExtxyzConfig { isolated_atoms: Some("atoms.xyz".into()), ..config };
    let isolated = config.load(folder.0.path(), 7)?.1;
    assert_eq!(isolated.into_iter().collect::<Vec<_>>(), [(1, -14.0), (8, -20.0)]);
    assert_eq!(config.load(folder.0.path(), 7)?.0.valid, splits.valid);
    assert_ne!(config.load(folder.0.path(), 8)?.0.valid, splits.valid);
    let again: ExtxyzConfig = toml::from_str(&toml::to_string(&config)?)?;
    assert_eq!(again.test.keys().collect::<Vec<_>>(), ["zulu", "alpha"]);
    Ok(())
}

#[test]
fn configurations_that_cannot_be() -> Outcome {
    let folder = Folder::new();
    folder.write("t.xyz", many(4));
    folder.write("iso.xyz", "1\nProperties=species:S:1:pos:R:3 energy=-13\nH 0 0 0\n");
    for (text, message, hint) in [
        (
            "valid_fraction = 1.0",
            "`valid_fraction` must be at least 0 and less than 1, found 1",
            "0.1 keeps a tenth of the groups",
        ),
        (
            "valid_fraction = 0.1",
            "`valid_fraction` = 0.1 of 4 frames leaves the valid split empty",
            "set `valid_fraction` to 0 or to at least 0.13",
        ),
        (
            "valid_fraction = 0.9",
            "4 validation and 0 test frames of 4 leave the training split empty",
            "lower `valid_fraction` or `test_fraction`",
        ),
        (
            "valid_fraction = 0.5\nvalid = \"t.xyz\"",
            "`valid` and `valid_fraction` are both set",
            "keep either `valid` or `valid_fraction`",
        ),
        (
            "test.train = \"t.xyz\"",
            "a test split cannot be called `train`",
            "choose a name without `/` or `.`, other than `train`, `valid`, `epoch`, `step`, `learning_rate` and `selected`",
        ),
        (
            "isolated_atoms = \"t.xyz\"",
            "t.xyz: the file holds no isolated atoms",
            "an isolated atom is a frame of one atom with config_type=isolated_atom",
        ),
        (
            "valid = \"iso.xyz\"",
            "iso.xyz: the file holds nothing but isolated atoms",
            "they give reference energies; add frames with forces",
        ),
        (
            "isolated_atom_energies = { Hh = 1.0 }",
            "`isolated_atom_energies`: `Hh` = 1 is not a finite energy of a chemical element",
            "did you mean H?",
        ),
        (
            "isolated_atom_energies = { H = nan }",
            "`isolated_atom_energies`: `H` = NaN is not a finite energy of a chemical element",
            "give the energy in eV",
        ),
    ] {
        let error = config(&format!("train = \"t.xyz\"\n{text}"))?.load(folder.0.path(), 0).expect_err(text);
        let found = error.to_string().replace(&format!("{}/", folder.0.path().display()), "");
        assert_eq!((found.as_str(), error.hint().as_deref()), (message, Some(hint)));
        assert_eq!(error.blame(), Blame::User);
    }
    let error = config("train = \"t.xyz\"\n\nvalid_fractoin = 0.1").expect_err("a typo");
    assert!(error.to_string().contains("line 3, column 1"), "{error}");
    Ok(())
}

#[test]
fn reading_is_fast() -> Outcome {
    let folder = Folder::new();
    let atom = |i: usize| {
        let x = 1.1 * i as f64;
        format!("C {x:.8} 0.00000000 {:.8} 1.47339228 1.13796366 0.06391102\n", -x)
    };
    let frame = format!("15\nLattice=\"50 0 0 0 50 0 0 0 50\" {PROPERTIES} energy=-1.0 pbc=\"F F F\"\n")
        + &(0..15).map(atom).collect::<String>();
    let path = folder.write("a.xyz", frame.repeat(650));
    let start = std::time::Instant::now();
    assert_eq!(read(&path, &Keys::default())?.structures.len(), 650);
    let elapsed = start.elapsed();
    assert!(elapsed.as_millis() < 500, "{elapsed:?}");
    Ok(())
}

#[test]
fn published_sets_are_read_where_they_are_present() -> Outcome {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    for (file, n_frames, n_isolated) in
        [("acac/train_300K.xyz", 500, 0), ("acac/test_MD_600K.xyz", 0, 0), ("mlearn_si/Si_training.xyz", 0, 0)]
    {
        let path = data.join(file);
        if !path.exists() {
            continue;
        }
        let found = read(&path, &Keys::default())?;
        assert!(n_frames == 0 || found.structures.len() == n_frames, "{}", found.structures.len());
        assert_eq!(found.isolated.len(), n_isolated);
    }
    Ok(())
}
