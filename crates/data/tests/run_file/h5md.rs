//! The H5MD part, read with plain HDF5 calls.

use hdf5::types::VarLenUnicode;

use crate::example;

#[test]
fn frames_of_unequal_size_are_padded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.h5");
    example::write_complete(&path).unwrap();
    let file = hdf5::File::open(&path).unwrap();
    let root = file.group("/trajectories/hot").unwrap();

    let version = root.group("h5md").unwrap().attr("version").unwrap();
    assert_eq!(version.read_raw::<i32>().unwrap(), [1, 1]);
    let domain = root.group("particles/atoms/box").unwrap();
    assert_eq!(domain.attr("dimension").unwrap().read_scalar::<i32>().unwrap(), 3);
    let boundary = domain.attr("boundary").unwrap().read_raw::<VarLenUnicode>().unwrap();
    let boundary: Vec<&str> = boundary.iter().map(VarLenUnicode::as_str).collect();
    assert_eq!(boundary, ["periodic", "none", "none"]);

    let read = |name: &str| root.dataset(name).unwrap().read_raw::<f64>().unwrap();
    let species = root.dataset("particles/atoms/species/value").unwrap();
    assert_eq!(species.shape(), [2, 3]);
    assert_eq!(species.read_raw::<u8>().unwrap(), [8, 1, 1, 1, 1, 0]);
    let positions = read("particles/atoms/position/value");
    assert_eq!(positions[3], 0.96);
    assert_eq!(positions[12], 0.74);
    assert!(positions[15..].iter().all(|x| x.is_nan()));
    assert_eq!(read("particles/atoms/force_predicted/value")[9..15], [4.0, 5.0, 6.0, 4.0, 5.0, 6.0]);
    assert!(read("particles/atoms/force_reference/value")[9..].iter().all(|x| x.is_nan()));
    assert_eq!(read("particles/atoms/box/edges/value")[..4], [10.0, 0.0, 0.0, 0.0]);
    assert_eq!(read("observables/energy_predicted/value"), [-5.0, -1.0]);
    for element in ["position", "species", "force_reference", "force_predicted", "box/edges"] {
        let step = root.dataset(&format!("particles/atoms/{element}/step")).unwrap();
        assert_eq!(step.read_raw::<i64>().unwrap(), [100, 200]);
    }
    let unit = root.dataset("particles/atoms/position/value").unwrap().attr("unit").unwrap();
    assert_eq!(unit.read_scalar::<VarLenUnicode>().unwrap().as_str(), "Angstrom");
}
