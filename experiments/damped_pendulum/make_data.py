#!/usr/bin/env python3
"""Makes data_1.csv to data_5.csv and ample.csv: a pendulum with friction, angle and rate every 0.1 s until 20 s.

    python experiments/damped_pendulum/make_data.py     # needs numpy and scipy

d2(angle)/dt2 = -4 sin(angle) - 0.1 d(angle)/dt, let go at rest, by scipy's DOP853 at a tolerance of 1e-12. Five draws of
noise (seeds 1 to 5; 0.1 of the angle, 0.2 of the rate) on the motion from 1.5; and half that noise (seed 1673) on three
motions, from 2.2, 1.5 and -1.0.
"""

import csv
import pathlib

import numpy as np
from scipy.integrate import solve_ivp


def rhs(_, y):
    return [y[1], -4.0 * np.sin(y[0]) - 0.1 * y[1]]


def write(name, seed, sigma, starts):
    times, draw = np.arange(201) / 10.0, np.random.default_rng(seed)
    with open(pathlib.Path(__file__).with_name(name), "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "t", "angle", "rate"])
        for number, start in enumerate(starts):
            solved = solve_ivp(rhs, (0.0, 20.0), [start, 0.0], "DOP853", times, rtol=1e-12, atol=1e-12)
            seen = solved.y.T + draw.normal(size=(len(times), 2)) * [sigma, 2.0 * sigma]
            for t, (angle, rate) in zip(times, seen):
                table.writerow([number, f"{t:.1f}", f"{angle:.4f}", f"{rate:.4f}"])


if __name__ == "__main__":
    for seed in range(1, 6):
        write(f"data_{seed}.csv", seed, 0.1, [1.5])
    write("ample.csv", 1673, 0.05, [2.2, 1.5, -1.0])
