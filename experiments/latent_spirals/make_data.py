#!/usr/bin/env python3
"""Makes whole.csv and from_context.csv: spirals that turn either way, after Chen et al. (2018), section 5.1.

    python3 experiments/latent_spirals/make_data.py

x = r cos(phi), y = r sin(phi) with r = r0 + 0.1 t and phi = phi0 + t or phi0 - t; r0 uniform on 0.6 ... 1.2, phi0
on a turn, the direction by chance. Each is seen 25 times, once in each 0.4 from 0 to 10 at a time that is uniform
there, with Gaussian noise of 0.1 in each coordinate; one coordinate in twenty is not seen. Times up to 3.2 are
the context of a latent ODE. from_context.csv has what a model can use that starts at one observation: every
spiral from its last whole observation in the context on. Standard library only; seed 2018.
"""

import csv
import math
import pathlib
import random

N_SPIRALS, N_TIMES, INTERVAL, CONTEXT = 600, 25, 0.4, 3.2
NOISE, MISSING, SEED = 0.1, 0.05, 2018
FOLDER = pathlib.Path(__file__).parent


def spiral(draw):
    """Rows (t, x, y), and the last whole one in the context, which there is."""
    direction = draw.choice((-1.0, 1.0))
    r0, phi0 = draw.uniform(0.6, 1.2), draw.uniform(0.0, 2.0 * math.pi)
    while True:
        rows = []
        for k in range(N_TIMES):
            t = round(INTERVAL * draw.uniform(k, k + 1), 3)
            r, phi = r0 + 0.1 * t, phi0 + direction * t
            seen = (r * math.cos(phi) + draw.gauss(0.0, NOISE), r * math.sin(phi) + draw.gauss(0.0, NOISE))
            rows.append((t, *("" if draw.random() < MISSING else f"{v:.3f}" for v in seen)))
        whole = [row for row in rows if row[0] <= CONTEXT and row[1] and row[2]]
        if whole and all(a[0] < b[0] for a, b in zip(rows, rows[1:])):
            return rows, whole[-1]


def main():
    draw = random.Random(SEED)
    spirals = [spiral(draw) for _ in range(N_SPIRALS)]
    for name, rows_of in [
        ("whole.csv", lambda rows, _: rows),
        ("from_context.csv", lambda rows, last: [last] + [row for row in rows if row[0] > CONTEXT]),
    ]:
        with open(FOLDER / name, "w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["id", "t", "x", "y"])
            for number, (rows, last) in enumerate(spirals):
                table.writerows([number, f"{t:.3f}", x, y] for t, x, y in rows_of(rows, last))


main()
