#!/usr/bin/env python3
"""What the context can be worth: the NLL of the samples in whole.csv for one who knows how the spirals were made.

    python3 experiments/latent_spirals/floor.py   (needs numpy)

Direction, r0 and phi0 of a spiral are what is unknown; on a grid of them the posterior given the context is exact,
and the density of a later observation is its mixture. Printed: the mean of -ln p(x, y | context) over all samples
of whole.csv, nats, and the error of the posterior mean.
"""

import csv
import itertools
import pathlib

import numpy as np

NOISE, CONTEXT, TRAINED = 0.1, 3.2, 7.2
RADII = np.linspace(0.6, 1.2, 31)
PHASES = 2.0 * np.pi * np.arange(360) / 360
r0, phi0, direction = (a.ravel() for a in np.meshgrid(RADII, PHASES, [-1.0, 1.0], indexing="ij"))


def log_density(t, seen):
    """Of one row for every spiral of the grid, and where they are; a coordinate that is not seen counts for nothing."""
    r, phi = r0 + 0.1 * t, phi0 + direction * t
    at = np.stack([r * np.cos(phi), r * np.sin(phi)])
    known = np.isfinite(seen)
    z = (seen[known, None] - at[known]) / NOISE
    return -0.5 * (z**2).sum(0) - known.sum() * np.log(NOISE * np.sqrt(2.0 * np.pi)), at


def log_mean_exp(values, log_weight):
    sums = values + log_weight
    return sums.max() + np.log(np.exp(sums - sums.max()).sum())


def main():
    with open(pathlib.Path(__file__).with_name("whole.csv")) as file:
        rows = list(csv.DictReader(file))
    nll = {"until 7.2": [], "after 7.2": []}
    error = {"until 7.2": [], "after 7.2": []}
    number = lambda text: float(text) if text else np.nan
    for _, spiral in itertools.groupby(rows, key=lambda row: row["id"]):
        spiral = [(float(row["t"]), np.array([number(row["x"]), number(row["y"])])) for row in spiral]
        posterior = np.zeros_like(r0)
        for t, seen in spiral:
            if t <= CONTEXT:
                posterior += log_density(t, seen)[0]
        posterior -= log_mean_exp(posterior, 0.0)
        for t, seen in spiral:
            if t > CONTEXT and np.isfinite(seen).any():
                part = "until 7.2" if t <= TRAINED else "after 7.2"
                density, at = log_density(t, seen)
                nll[part].append(-log_mean_exp(density, posterior))
                mean = at @ np.exp(posterior)
                error[part].extend((seen - mean)[np.isfinite(seen)] ** 2)
    for part in nll:
        print(f"{part}: NLL {np.mean(nll[part]):.3f} nat, RMSE {np.sqrt(np.mean(error[part])):.3f}")
    everything, squares = ([value for part in of.values() for value in part] for of in (nll, error))
    print(f"all: NLL {np.mean(everything):.3f} nat, RMSE {np.sqrt(np.mean(squares)):.3f}, {len(everything)} samples")


main()
