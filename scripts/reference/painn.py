"""Energy, forces and raw outputs of a small PaiNN, written from the equations (Schütt, Unke,
Gastegger, ICML 2021, eqs. 7-10) with plain loops over atoms and edges, numpy only.

    python scripts/reference/painn.py > crates/atoms/tests/reference/painn.json

Forces are minus the complex-step derivative of the energy, so they owe nothing to any automatic
differentiation. Every function below is analytic: no conj, no abs.
"""

import json

import numpy as np

CUTOFF, F, BLOCKS, N_RADIAL, N_OUTPUTS, EPSILON = 4.0, 5, 2, 4, 2, 1e-4
ELEMENTS = [1, 6, 8]
SPECIES = [6, 1, 8, 1, 1]
rng = np.random.default_rng(20210102)
POSITIONS = np.array([[0, 0, 0], [1.1, 0, 0], [-0.4, 1.2, 0.1], [-0.5, -0.6, 0.9], [2.9, 1.6, -1.4]]) + 0.1 * rng.normal(size=(5, 3))


def shapes():
    yield "embedding", (len(ELEMENTS), F)
    for block in range(BLOCKS):
        name = f"interactions.{block}."
        yield name + "filter", (N_RADIAL + 1, 3 * F)
        yield from two_layers(name + "message", F, F, 3 * F)
        yield name + "vectors", (F, 2 * F)
        yield from two_layers(name + "update", 2 * F, F, 3 * F)
    yield from two_layers("readout.scalars", F, F, 1 + N_OUTPUTS)


def two_layers(name, d_in, d_hidden, d_out):
    yield name + ".0.weight", (d_in, d_hidden)
    yield name + ".0.bias", (d_hidden,)
    yield name + ".1.weight", (d_hidden, d_out)
    yield name + ".1.bias", (d_out,)


WEIGHTS = {name: rng.normal(size=shape) / np.sqrt(shape[0]) for name, shape in shapes()}


def network(name, x):
    hidden = x @ WEIGHTS[name + ".0.weight"] + WEIGHTS[name + ".0.bias"]
    return hidden / (1 + np.exp(-hidden)) @ WEIGHTS[name + ".1.weight"] + WEIGHTS[name + ".1.bias"]


def radial(d):
    x, p = d / CUTOFF, 6
    envelope = 1 - (p + 1) * (p + 2) / 2 * x**p + p * (p + 2) * x ** (p + 1) - p * (p + 1) / 2 * x ** (p + 2)
    bessel = [np.sqrt(2 / CUTOFF) * np.sin(k * np.pi * x) / d * envelope for k in range(1, N_RADIAL + 1)]
    return np.array(bessel + [envelope])


def atoms(positions):
    n = len(SPECIES)
    s = np.array([WEIGHTS["embedding"][ELEMENTS.index(z)] for z in SPECIES]).astype(positions.dtype)
    v = np.zeros((n, 3, F), positions.dtype)
    for block in range(BLOCKS):
        name = f"interactions.{block}."
        ds, dv = np.zeros_like(s), np.zeros_like(v)
        for i in range(n):
            for j in range(n):
                r = positions[j] - positions[i]
                d = np.sqrt(np.sum(r * r))
                if i == j or d.real >= CUTOFF:
                    continue
                weighted = network(name + "message", s[j]) * (radial(d) @ WEIGHTS[name + "filter"])
                to_s, of_v, along = np.split(weighted, 3)
                ds[i] += to_s
                dv[i] += v[j] * of_v + np.outer(r / d, along)
        s, v = s + ds, v + dv
        for i in range(n):
            u, w = np.split(v[i] @ WEIGHTS[name + "vectors"], 2, axis=1)
            norm = np.sqrt(np.sum(w * w, axis=0) + EPSILON)
            ss, sv, vv = np.split(network(name + "update", np.concatenate([s[i], norm])), 3)
            s[i] = s[i] + ss + sv * np.sum(u * w, axis=0)
            v[i] = v[i] + vv * u
    return network("readout.scalars", s)


def energy(positions):
    return atoms(positions)[:, 0].sum()


forces = np.zeros_like(POSITIONS)
for index in np.ndindex(POSITIONS.shape):
    moved = POSITIONS.astype(complex)
    moved[index] += 1e-30j
    forces[index] = -energy(moved).imag / 1e-30

print(json.dumps({
    "cutoff": CUTOFF, "n_features": F, "n_interactions": BLOCKS, "n_radial": N_RADIAL, "n_outputs": N_OUTPUTS,
    "species": SPECIES, "positions": POSITIONS.tolist(),
    "weights": {name: value.ravel().tolist() for name, value in WEIGHTS.items()},
    "energy": energy(POSITIONS), "forces": forces.tolist(), "outputs": atoms(POSITIONS)[:, 1:].tolist(),
}))
