#!/usr/bin/env python3
"""Makes data.csv: Robertson's reaction seen at 40 times from 1e-3 to 1e4 with noise.

    python experiments/robertson/make_data.py     # needs numpy and scipy

A -> B (0.04), 2 B -> B + C (3e7), B + C -> A + C (1e4), from A = 1 (Robertson 1966), by scipy's Radau at a
tolerance of 1e-10. Noise is Gaussian, 0.01 for A and C and 2e-7 for B. Seed 1966.
"""

import csv
import pathlib

import numpy as np
from scipy.integrate import solve_ivp


def rhs(_, y):
    a, b, c = y
    lost, doubled, back = 0.04 * a, 3e7 * b * b, 1e4 * b * c
    return [-lost + back, lost - doubled - back, doubled]


times = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 40)])
solved = solve_ivp(rhs, (0.0, times[-1]), [1.0, 0.0, 0.0], "Radau", times, rtol=1e-10, atol=1e-16)
seen = solved.y.T + np.random.default_rng(1966).normal(size=(len(times), 3)) * [0.01, 2e-7, 0.01]
with open(pathlib.Path(__file__).with_name("data.csv"), "w", newline="") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["t", "a", "b", "c"])
    # the reaction starts here, and nothing was measured yet
    table.writerow([0, "", "", ""])
    for t, (a, b, c) in zip(times[1:], seen[1:]):
        table.writerow([f"{t:.6g}", f"{a:.6f}", f"{b:.6e}", f"{c:.6f}"])
