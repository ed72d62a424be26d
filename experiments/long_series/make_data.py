#!/usr/bin/env python3
"""Makes lorenz.csv and pendulum.csv: a chaotic system and a long oscillation, seen with noise.

    python3 experiments/long_series/make_data.py

dx/dt = σ(y − x), dy/dt = x(ρ − z) − y, dz/dt = xy − βz with σ = 10, ρ = 28, β = 8/3 (Lorenz 1963), solved by
the classical Runge-Kutta method with steps of 0.0005 from (−8, 7, 27), a point near the attractor. All three
states at 250 times on (0, 10], drawn uniformly, and at 0, with Gaussian noise of 0.5. Two states that differ by
1e-6 differ by as much as the attractor is wide after about 17 units of time.

A damped pendulum dθ/dt = v, dv/dt = −g·sin θ − c·v with g = 4, c = 0.01, from (1.5, 0), by the same method: the angle
alone at 300 times on (0, 100] (about 29 swings) and at 0, with Gaussian noise of 0.1. Standard library only; seed 1.
"""

import csv
import math
import pathlib
import random

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0
GRAVITY, DAMPING = 4.0, 0.01
STEP, SEED = 0.0005, 1


def lorenz(state):
    x, y, z = state
    return (SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z)


def pendulum(state):
    angle, v = state
    return (v, -GRAVITY * math.sin(angle) - DAMPING * v)


def step(rates, state, h):
    def at(slope, share):
        return tuple(a + share * h * b for a, b in zip(state, slope))

    k1 = rates(state)
    k2 = rates(at(k1, 0.5))
    k3 = rates(at(k2, 0.5))
    k4 = rates(at(k3, 1.0))
    return tuple(a + h / 6.0 * (b + 2.0 * c + 2.0 * d + e) for a, b, c, d, e in zip(state, k1, k2, k3, k4))


def write(name, columns, rates, state, t1, n_times, noise):
    draw = random.Random(SEED)
    seen = sorted(draw.sample(range(1, round(t1 / STEP) + 1), n_times))
    with open(pathlib.Path(__file__).with_name(name), "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["t", *columns])
        at = 0
        for n in [0, *seen]:
            while at < n:
                state, at = step(rates, state, STEP), at + 1
            measured = (f"{value + draw.gauss(0.0, noise):.3f}" for value, _ in zip(state, columns))
            table.writerow([f"{n * STEP:.4f}", *measured])


write("lorenz.csv", ["x", "y", "z"], lorenz, (-8.0, 7.0, 27.0), 10.0, 250, 0.5)
write("pendulum.csv", ["angle"], pendulum, (1.5, 0.0), 100.0, 300, 0.1)
