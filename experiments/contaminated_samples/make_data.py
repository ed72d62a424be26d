#!/usr/bin/env python3
"""Makes data.csv: concentrations of a drug after a dose, some of whose samples were contaminated.

    python3 experiments/contaminated_samples/make_data.py

A dose of 4 mg/kg is absorbed at 1.5 /h into 0.45 L/kg and eliminated at 0.12 /h, which has a closed solution
(Bateman 1910). Four sessions, 15 times each, uniform on [0.2, 24] h, with Gaussian noise of 0.1 mg/L; every
seventh sample on average holds 1 to 5 mg/L too much. Standard library only; seed 4.
"""

import csv
import math
import pathlib
import random

DOSE, VOLUME, ABSORPTION, ELIMINATION = 4.0, 0.45, 1.5, 0.12
N_SESSIONS, N_TIMES, T1 = 4, 15, 24.0
SIGMA, CONTAMINATED, SEED = 0.1, 1.0 / 7.0, 4


def concentration(t):
    rates = ABSORPTION / (ABSORPTION - ELIMINATION)
    return DOSE / VOLUME * rates * (math.exp(-ELIMINATION * t) - math.exp(-ABSORPTION * t))


def main():
    draw = random.Random(SEED)
    with open(pathlib.Path(__file__).with_name("data.csv"), "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["session", "t", "c"])
        for session in range(1, N_SESSIONS + 1):
            # nobody has a concentration to give before the dose
            table.writerow([session, 0, ""])
            for t in sorted(round(draw.uniform(0.2, T1), 2) for _ in range(N_TIMES)):
                extra = draw.uniform(1.0, 5.0) if draw.random() < CONTAMINATED else 0.0
                table.writerow([session, t, f"{concentration(t) + draw.gauss(0.0, SIGMA) + extra:.4f}"])


main()
