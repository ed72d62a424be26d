"""Rates and products of Hamiltonian and Lagrangian fields for crates/ode, in 50 digits by mpmath.

Nothing but L(x, w) or H(q, p) is written down. Hamilton's equations and the equations of Euler and
Lagrange, M a = dL/dx - (d2L/dw dx) w with M = d2L/dw2, take central differences of them in 50 digits,
and so do the derivatives of v.f with respect to states and parameters; 25 digits of those are right.

Usage: python scripts/reference/mechanics.py   (needs mpmath and numpy; writes crates/ode/tests/reference)
"""

import json
import pathlib

import mpmath as mp
import numpy as np

mp.mp.dps = 60
FILE = pathlib.Path(__file__).parents[2] / "crates/ode/tests/reference/mechanics.json"
EPSILON = mp.mpf(1e-4)
ACTIVATIONS = {"tanh": mp.tanh, "silu": lambda z: z / (1 + mp.exp(-z)), "softplus": lambda z: mp.log1p(mp.exp(z))}


def network(sizes, activation, p, x):
    """Layers of p: weight [out, in] row-major, then bias. Returns outputs and how much of p was used."""
    at = 0
    for k, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:])):
        z = [sum(p[at + i * n_in + j] * x[j] for j in range(n_in)) + p[at + n_in * n_out + i] for i in range(n_out)]
        at += (n_in + 1) * n_out
        x = z if k == len(sizes) - 2 else [activation(v) for v in z]
    return x, at


def moved(x, i, h):
    return [v + h if k == i else v for k, v in enumerate(x)]


def slope(f, x, i, h=mp.mpf(10) ** -15):
    """Fourth-order central difference along coordinate i: an error of about 1e-45 of rounding, 1e-60 of h."""
    at = lambda m: f(moved(x, i, m * h))
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


def hamiltonian(case, p):
    m, act = case["m"], ACTIVATIONS[case["activation"]]

    def energy(y):
        square = sum(v * v for v in y[m:]) / 2
        if not case["separable"]:
            return square + network([2 * m, *case["hidden"], 1], act, p, y)[0][0]
        kinetic, used = network([m, *case["hidden"], 1], act, p, y[m:])
        return square + kinetic[0] + network([m, *case["hidden"], 1], act, p[used:], y[:m])[0][0]

    friction = [mp.exp(r) for r in p[-m:]] if case["dissipation"] else [0] * m

    def rates(y):
        d = [slope(energy, y, i) for i in range(2 * m)]
        return d[m:] + [-d[i] - friction[i] * d[m + i] for i in range(m)]

    return energy, rates


def lagrangian(case, p):
    m, act = case["m"], ACTIVATIONS[case["activation"]]
    n_out = m * (m + 1) // 2 + 1

    def parts(y):
        out, _ = network([m, *case["hidden"], n_out], act, p, y[:m])
        lower, at = mp.zeros(m), 0
        for i in range(m):
            for j in range(i + 1):
                # the diagonal by a softplus that is 1 at 0
                lower[i, j] = mp.log(1 + (mp.e - 1) * mp.exp(out[at])) if i == j else out[at]
                at += 1
        w = mp.matrix(y[m:])
        inertia = lower * lower.T + EPSILON * mp.eye(m)
        return (w.T * inertia * w)[0] / 2, out[-1]

    def energy(y):
        kinetic, potential = parts(y)
        return kinetic + potential

    def lagrange(y):
        kinetic, potential = parts(y)
        return kinetic - potential

    friction = [mp.exp(r) for r in p[-m:]] if case["dissipation"] else [0] * m

    def rates(y):
        momentum = [lambda y, i=i: slope(lagrange, y, m + i) for i in range(m)]
        inertia, force = mp.matrix(m, m), mp.matrix(m, 1)
        for i in range(m):
            force[i] = slope(lagrange, y, i) - friction[i] * y[m + i]
            for j in range(m):
                inertia[i, j] = slope(momentum[i], y, m + j)
                force[i] -= slope(momentum[i], y, j) * y[m + j]
        return list(y[m:]) + list(mp.lu_solve(inertia, force))

    return energy, rates


def reference(case, rng):
    m, kind = case["m"], {"hamiltonian": hamiltonian, "lagrangian": lagrangian}[case["kind"]]
    if case["kind"] == "lagrangian":
        shapes = [[m, *case["hidden"], m * (m + 1) // 2 + 1]]
    else:
        shapes = [[m, *case["hidden"], 1]] * 2 if case["separable"] else [[2 * m, *case["hidden"], 1]]
    n = sum((a + 1) * b for sizes in shapes for a, b in zip(sizes[:-1], sizes[1:])) + m * case["dissipation"]
    draw = lambda n, scale: [float(v) for v in np.round(scale * rng.normal(size=n), 6)]
    p, y, v = draw(n, 0.6), draw(2 * m, 1.0), draw(2 * m, 1.0)
    exact = lambda x: [mp.mpf(float(a)) for a in x]
    along = lambda p, y: sum(a * b for a, b in zip(exact(v), kind(case, p)[1](y)))
    wide = mp.mpf(10) ** -8
    y_bar = [slope(lambda y: along(exact(p), y), exact(y), i, wide) for i in range(2 * m)]
    p_bar = [slope(lambda p: along(p, exact(y)), exact(p), i, wide) for i in range(n)]
    energy, rates = kind(case, exact(p))
    numbers = lambda x: [float(a) for a in x]
    return case | {
        "parameters": p,
        "y": y,
        "rates": numbers(rates(exact(y))),
        "energy": float(energy(exact(y))),
        "cotangent": v,
        "y_bar": numbers(y_bar),
        "parameter_bar": numbers(p_bar),
    }


def main():
    rng = np.random.default_rng(1788)
    cases = [
        {"kind": kind, "m": m, "hidden": hidden, "activation": act, "dissipation": lost, "separable": split}
        for kind, m, hidden, act, lost, split in [
            ("hamiltonian", 1, [4], "tanh", False, False),
            ("hamiltonian", 2, [3, 3], "silu", True, False),
            ("hamiltonian", 2, [3], "softplus", True, True),
            ("lagrangian", 1, [4], "tanh", False, False),
            ("lagrangian", 2, [3], "tanh", True, False),
            ("lagrangian", 2, [3, 2], "silu", False, False),
            ("lagrangian", 3, [2], "softplus", True, False),
        ]
    ]
    cases = [reference(case, rng) for case in cases]
    for case in cases:
        del case["m"]
    FILE.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
