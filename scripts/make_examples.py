#!/usr/bin/env python3
"""Makes the tiny tables of data/examples with nothing but the standard library.

    python3 scripts/make_examples.py data/examples

The seeds are fixed: the same files every time.
"""

import csv
import math
import pathlib
import random
import sys


def heteroscedastic(path, n_rows=600):
    """y = sin(2 x1) + x2 / 2 + noise with sigma(x1) = 0.05 + 0.3 / (1 + exp(-2 x1))."""
    draw = random.Random(1)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["x1", "x2", "y"])
        for _ in range(n_rows):
            x1, x2 = draw.uniform(-3.0, 3.0), draw.uniform(-1.0, 1.0)
            sigma = 0.05 + 0.3 / (1.0 + math.exp(-2.0 * x1))
            y = math.sin(2.0 * x1) + 0.5 * x2 + draw.gauss(0.0, sigma)
            table.writerow([f"{v:.6f}" for v in (x1, x2, y)])


def spiral_rhs(x, y):
    """A (x^3, y^3) with A = [[-0.1, 2], [-2, -0.1]]."""
    x3, y3 = x**3, y**3
    return -0.1 * x3 + 2.0 * y3, -2.0 * x3 - 0.1 * y3


def runge_kutta(x, y, h):
    a = spiral_rhs(x, y)
    b = spiral_rhs(x + 0.5 * h * a[0], y + 0.5 * h * a[1])
    c = spiral_rhs(x + 0.5 * h * b[0], y + 0.5 * h * b[1])
    d = spiral_rhs(x + h * c[0], y + h * c[1])
    step = [(a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]) * h / 6.0 for i in (0, 1)]
    return x + step[0], y + step[1]


def spirals(path, n_trajectories=24, n_times=30, t1=2.0, sigma=0.02, largest_step=1e-3):
    """Cubic damped spirals from random starts, seen at irregular times with Gaussian noise."""
    draw = random.Random(2)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "t", "x", "y"])
        for trajectory in range(n_trajectories):
            radius, angle = draw.uniform(0.7, 1.4), draw.uniform(0.0, 2.0 * math.pi)
            x, y, t = radius * math.cos(angle), radius * math.sin(angle), 0.0
            times = [0.0] + sorted(round(draw.uniform(0.0, t1), 6) for _ in range(n_times - 1))
            assert all(a < b for a, b in zip(times, times[1:]))
            for time in times:
                n_steps = max(1, math.ceil((time - t) / largest_step))
                h = (time - t) / n_steps
                for _ in range(n_steps):
                    x, y = runge_kutta(x, y, h)
                t = time
                row = (t, x + draw.gauss(0.0, sigma), y + draw.gauss(0.0, sigma))
                table.writerow([trajectory, *(f"{v:.6f}" for v in row)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    heteroscedastic(folder / "heteroscedastic.csv")
    spirals(folder / "spirals.csv")
