"""Reads the example run of example.rs with h5py and checks names, shapes, types and numbers."""

import json
import os
import sys

os.environ["HDF5_PLUGIN_PATH"] = os.devnull  # no plugin may be needed

import h5py
import numpy as np

run = h5py.File(sys.argv[1], "r")

assert run.attrs["format"] == "surprisal-run"
assert run.attrs["format_version"] == 1
assert run.attrs["name"] == "example"
assert run.attrs["seed"] == 2**64 - 1
assert json.loads(run.attrs["splits"]) == ["train", "hot"]
assert json.loads(run.attrs["provenance"])["unit"] == "Å"

datasets = {}
run.visititems(lambda name, item: datasets.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)

shapes = {
    "curves/epoch": (3,),
    "curves/step": (3,),
    "curves/learning_rate": (3,),
    "curves/selected": (),
    "curves/train/nll": (3,),
    "curves/train/mse": (3,),
    "curves/hot/nll": (3,),
    "curves/hot/per_sample/nll": (3, 9000),
    "curves/hot/per_sample/squared_error": (3, 9000),
    "curves/hot/pit": (3, 20),
    "predictions/train/target": (6, 2),
    "predictions/train/location": (6, 2),
    "predictions/train/log_scale": (6, 2),
    "predictions/train/nll": (6,),
    "predictions/train/group": (6,),
    "predictions/hot/target": (9000, 1),
    "predictions/hot/location": (9000, 1),
    "predictions/hot/df": (9000, 1),
    "predictions/hot/scale": (9000, 1),
    "predictions/hot/nll": (9000,),
    "predictions/hot/group": (9000,),
    "trajectories/train/time": (6,),
    "trajectories/train/group": (6,),
    "trajectories/train/state": (6, 2),
    "trajectories/train/observed": (6, 2),
    "trajectories/train/dense/time": (9,),
    "trajectories/train/dense/group": (9,),
    "trajectories/train/dense/state": (9, 2),
    "trajectories/train/dense/sd": (9, 2),
    "trajectories/train/dense/networks/nn/input": (18, 2),
    "trajectories/train/dense/networks/nn/output": (18, 1),
    "trajectories/train/dense/networks/nn/reference": (18, 1),
    "trajectories/hot/particles/atoms/position/step": (2,),
    "trajectories/hot/particles/atoms/position/time": (2,),
    "trajectories/hot/particles/atoms/position/value": (2, 3, 3),
    "trajectories/hot/particles/atoms/species/value": (2, 3),
    "trajectories/hot/particles/atoms/force_reference/value": (2, 3, 3),
    "trajectories/hot/particles/atoms/force_predicted/value": (2, 3, 3),
    "trajectories/hot/particles/atoms/box/edges/value": (2, 3, 3),
    "trajectories/hot/observables/energy_reference/value": (2,),
    "trajectories/hot/observables/energy_predicted/value": (2,),
    "parameters/weight": (2, 3),
    "parameters/tau": (),
}
# h5py visits a hard-linked object once, under one of its names.
links = {name for name in datasets if name.endswith(("/step", "/time")) and name.startswith("trajectories/hot")}
found = {name: np.shape(value) for name, value in datasets.items() if name not in links}
expected = {name: shape for name, shape in shapes.items() if not name.startswith("trajectories/hot/particles/atoms/position/") or name.endswith("value")}
assert found == expected, set(found.items()) ^ set(expected.items())
assert len(links) == 2

assert datasets["curves/epoch"].dtype == np.float64
assert datasets["curves/step"].tolist() == [0, 10, 20]
nll = datasets["curves/hot/per_sample/nll"]
assert np.array_equal(nll, np.sqrt(np.arange(3) + 1.0)[:, None] - 1e-3 * np.arange(9000))
assert np.array_equal(datasets["curves/hot/per_sample/squared_error"], nll**2)
pit = datasets["curves/hot/pit"]
assert np.array_equal(pit, 0.25 * (np.sqrt(np.arange(3) + 1.0)[:, None] - 1e-3 * np.arange(20)))
assert run["curves/hot/per_sample/nll"].compression == "gzip" and run["curves/hot/per_sample/nll"].shuffle
assert np.array_equal(datasets["predictions/train/log_scale"], np.arange(12).reshape(6, 2) + 0.3)
assert datasets["predictions/train/group"].dtype == np.uint32
atoms = run["trajectories/hot/particles/atoms"]
assert atoms["box"].attrs["dimension"] == 3
assert list(atoms["box"].attrs["boundary"]) == ["periodic", "none", "none"]
assert atoms["position"]["value"].attrs["unit"] == "Angstrom"
assert atoms["species/step"][:].tolist() == atoms["box/edges/step"][:].tolist() == [100, 200]
assert atoms["species/value"][:].tolist() == [[8, 1, 1], [1, 1, 0]]
assert np.array_equal(datasets["parameters/weight"], np.arange(6.0).reshape(2, 3))
print(f"{len(datasets)} datasets read with h5py {h5py.__version__}")
