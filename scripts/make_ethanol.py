#!/usr/bin/env python3
"""Makes data/ethanol_xtb: molecular dynamics of one ethanol molecule with GFN2-xTB.

    pip install ase tblite
    OMP_NUM_THREADS=1 python3 scripts/make_ethanol.py data/ethanol_xtb

Langevin dynamics (time step 0.5 fs, friction 0.01 / fs) from the relaxed molecule; seeds are
fixed, so the same versions on the same machine write the same files. Prints one row per file for
the table in data/ethanol_xtb/README.md: how hot the run was, how large the forces are, how long
the energy remembers itself and whether every bond held.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the numerical libraries are loaded

import argparse
import pathlib

import numpy as np
from ase import Atoms, units
from ase.build import molecule
from ase.constraints import FixCom
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.optimize import BFGS
from tblite.ase import TBLite

TIMESTEP_FS = 0.5
FRICTION_PER_FS = 0.01
EQUILIBRATION_STEPS = 10_000  # 5 ps, 50 friction times
STEPS_BETWEEN_FRAMES = 200  # 100 fs, about the time in which the energy forgets itself
PROBE_STEPS = 10  # the energy is watched this often, for its autocorrelation
LONGEST_BOND = 1.5  # times the relaxed length; beyond it the molecule counts as broken

# file, temperature in K, seed, frames; every file is a trajectory of its own
RUNS = [
    ("train_300K.xyz", 300.0, 1, 300),
    ("test_300K.xyz", 300.0, 2, 100),
    ("test_600K.xyz", 600.0, 3, 300),
    ("test_1200K.xyz", 1200.0, 4, 300),
]

# spin multiplicity of the free atom's ground state
GROUND_STATES = {"H": 2, "C": 3, "O": 3}


def gfn2(multiplicity=1):
    return TBLite(method="GFN2-xTB", multiplicity=multiplicity, accuracy=0.1, verbosity=0)


def relaxed_ethanol():
    atoms = molecule("CH3CH2OH")
    atoms.calc = gfn2()
    BFGS(atoms, logfile=None).run(fmax=1e-3, steps=500)
    return atoms


def bonds_of(atoms):
    """Pairs closer than 1.3 times the sum of covalent radii, with their relaxed lengths."""
    from ase.data import covalent_radii

    radii = covalent_radii[atoms.numbers]
    distances = atoms.get_all_distances()
    first, second = np.where(np.triu(distances < 1.3 * (radii[:, None] + radii[None, :]), k=1))
    return first, second, distances[first, second]


def extended_xyz_frame(atoms, step):
    energy, forces = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
    lines = [
        f"{len(atoms)}",
        f'Properties=species:S:1:pos:R:3:forces:R:3 energy={energy:.8f} step={step} pbc="F F F"',
    ]
    for symbol, position, force in zip(atoms.get_chemical_symbols(), atoms.positions, forces):
        numbers = [f"{x:.8f}" for x in position] + [f"{x:.8f}" for x in force]
        lines.append(" ".join([symbol, *numbers]))
    return "\n".join(lines) + "\n"


def autocorrelation_time(series):
    """Integrated autocorrelation time in units of the sampling interval (window of Sokal, c = 5)."""
    x = np.asarray(series) - np.mean(series)
    n = len(x)
    spectrum = np.abs(np.fft.rfft(x, 2 * n)) ** 2
    rho = np.fft.irfft(spectrum)[:n] / np.arange(n, 0, -1)
    rho /= rho[0]
    tau = 1.0 + 2.0 * np.cumsum(rho[1:])
    window = np.argmax(np.arange(1, n) >= 5.0 * tau)
    return tau[window]


def run(start, name, temperature, seed, n_frames, folder):
    atoms = start.copy()
    atoms.calc = gfn2()
    first, second, lengths = bonds_of(start)
    rng = np.random.default_rng(seed)
    thermalize_momenta(atoms, temperature, rng=rng)
    Stationary(atoms)
    atoms.set_constraint(FixCom())
    dynamics = Langevin(
        atoms,
        TIMESTEP_FS * units.fs,
        temperature_K=temperature,
        friction=FRICTION_PER_FS / units.fs,
        fixcm=False,  # the constraint does it, and does it exactly
        rng=rng,
    )
    dynamics.run(EQUILIBRATION_STEPS)

    frames, energies, kinetic, stretch, forces = [], [], [], [], []
    for step in range(PROBE_STEPS, n_frames * STEPS_BETWEEN_FRAMES + 1, PROBE_STEPS):
        dynamics.run(PROBE_STEPS)
        energies.append(atoms.get_potential_energy())
        kinetic.append(atoms.get_kinetic_energy())
        distances = np.linalg.norm(atoms.positions[first] - atoms.positions[second], axis=1)
        stretch.append((distances / lengths).max())
        if stretch[-1] > LONGEST_BOND:
            raise SystemExit(f"{name}: a bond broke at step {step}")
        if step % STEPS_BETWEEN_FRAMES == 0:
            frames.append(extended_xyz_frame(atoms, step))
            forces.append(atoms.get_forces(apply_constraint=False))
    (folder / name).write_text("".join(frames))

    freedom = 3 * len(atoms) - 3  # the centre of mass stands still
    measured = 2.0 * np.mean(kinetic) / (freedom * units.kB)
    rms = np.sqrt(np.mean(np.square(forces)))
    tau = autocorrelation_time(energies) * PROBE_STEPS * TIMESTEP_FS
    print(
        f"| `{name}` | {n_frames} | {seed} | {temperature:.0f} | {measured:.0f} | {rms:.3f} |"
        f" {max(stretch):.2f} | {tau:.0f} |",
        flush=True,
    )


def isolated_atoms(folder):
    frames = []
    for symbol, multiplicity in GROUND_STATES.items():
        atom = Atoms(symbol, positions=[(0.0, 0.0, 0.0)])
        atom.calc = gfn2(multiplicity)
        frames.append(
            f"1\nProperties=species:S:1:pos:R:3:forces:R:3 energy={atom.get_potential_energy():.8f}"
            f' config_type=isolated_atom pbc="F F F"\n{symbol} {" ".join(["0.00000000"] * 6)}\n'
        )
    (folder / "isolated_atoms.xyz").write_text("".join(frames))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="where the files go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    isolated_atoms(folder)
    print("| file | frames | seed | target K | kinetic K | force RMS eV/Å | longest bond / relaxed | energy τ fs |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    start = relaxed_ethanol()
    for settings in RUNS:
        run(start, *settings, folder)


if __name__ == "__main__":
    main()
