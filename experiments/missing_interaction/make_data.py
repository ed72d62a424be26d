#!/usr/bin/env python3
"""Makes data.csv: prey and predators with the parameters and the start of Rackauckas et al. (2020).

    python3 experiments/missing_interaction/make_data.py

dx/dt = 1.3 x - 0.9 x y, dy/dt = -1.8 y + 0.8 x y, classical Runge-Kutta with steps of 1e-4, seen every 0.1
until 18 with Gaussian noise of 0.5 % of the mean of each state. Standard library only; seed 2020.
"""

import csv
import pathlib
import random

ALPHA, BETA, GAMMA, DELTA = 1.3, 0.9, 0.8, 1.8
START = (0.44249296, 4.6235947)
STEP, STEPS_PER_ROW, N_ROWS = 1e-4, 1000, 181
NOISE, SEED = 5e-3, 2020


def rhs(x, y):
    return ALPHA * x - BETA * x * y, GAMMA * x * y - DELTA * y


def runge_kutta(x, y, h):
    a = rhs(x, y)
    b = rhs(x + 0.5 * h * a[0], y + 0.5 * h * a[1])
    c = rhs(x + 0.5 * h * b[0], y + 0.5 * h * b[1])
    d = rhs(x + h * c[0], y + h * c[1])
    slope = [(a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]) / 6.0 for i in (0, 1)]
    return x + h * slope[0], y + h * slope[1]


def main():
    states = [START]
    for _ in range(N_ROWS - 1):
        x, y = states[-1]
        for _ in range(STEPS_PER_ROW):
            x, y = runge_kutta(x, y, STEP)
        states.append((x, y))
    sigma = [NOISE * sum(s[i] for s in states) / len(states) for i in (0, 1)]
    draw = random.Random(SEED)
    with open(pathlib.Path(__file__).with_name("data.csv"), "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["t", "x", "y"])
        for row, state in enumerate(states):
            seen = [value + draw.gauss(0.0, s) for value, s in zip(state, sigma)]
            table.writerow([f"{row * STEP * STEPS_PER_ROW:.1f}", *(f"{v:.6f}" for v in seen)])
    print(f"sigma {sigma[0]:.5f} {sigma[1]:.5f}")


main()
