#!/usr/bin/env python3
"""Energies E = rate^2/2 - 4 cos(angle) of finished runs of this study, after the training window.

    python experiments/damped_pendulum/energy.py RUN_FOLDER ...     # needs h5py and numpy

The root mean square of E - E_true, and all that E rises from time to time, which the true one never does; both for the
first trajectory, which starts at 1.5 (2.2 in ample.csv).
"""

import sys

import h5py
import numpy as np


def motion(start, times, steps=100):
    """Runge-Kutta of order 4 between times 0.1 s apart."""
    rhs = lambda y: np.array([y[1], -4.0 * np.sin(y[0]) - 0.1 * y[1]])
    y, states, t = np.array([start, 0.0]), [], 0.0
    for time in times:
        n = max(1, round((time - t) / 0.1 * steps))
        h = (time - t) / n
        for _ in range(n):
            a = rhs(y)
            b = rhs(y + h / 2 * a)
            c = rhs(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + rhs(y + h * c))
        t = time
        states.append(y)
    return np.array(states)


def energy(states):
    return 0.5 * states[:, 1] ** 2 - 4.0 * np.cos(states[:, 0])


for folder in sys.argv[1:]:
    with h5py.File(f"{folder}/run.h5") as file:
        later = file["trajectories/later"]
        own = later["group"][:] == later["group"][0]
        n_window = int(np.sum(file["trajectories/train/group"][:] == 0))
        times, found = later["time"][:][own], energy(later["state"][:][own])
    ample = "ample" in folder
    true = energy(motion(2.2 if ample else 1.5, times))
    behind = times > n_window * 0.1 - 0.05
    error = np.sqrt(np.mean((found - true)[behind] ** 2))
    rise = np.maximum(np.diff(found[behind]), 0.0).sum()
    print(f"{folder}: RMSE of E {error:.3f}, risen by {rise:.3f}; at the end {found[-1]:.2f} (true {true[-1]:.2f})")
