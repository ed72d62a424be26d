#!/usr/bin/env python3
"""Makes the tiny tables of data/examples with nothing but the standard library.

    python3 scripts/make_examples.py data/examples

The seeds are fixed: the same files every time.
"""

import csv
import json
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


def poisson(draw, rate):
    """Knuth's product of uniforms; the rates here are small."""
    count, product = 0, draw.random()
    while product > math.exp(-rate):
        count, product = count + 1, product * draw.random()
    return count


def outcomes(path, n_rows=500):
    """One column for each kind of observation, all driven by x1 and x2."""
    draw = random.Random(3)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        names = ["count", "burst", "share", "duration", "income", "angle", "label", "class", "branch", "u", "v"]
        table.writerow(["x1", "x2", *names])
        for _ in range(n_rows):
            x1, x2 = draw.uniform(-1.5, 1.5), draw.uniform(-1.0, 1.0)
            rate = math.exp(1.0 + 0.8 * x1 - 0.4 * x2)
            count = poisson(draw, rate)
            burst = poisson(draw, rate * draw.gammavariate(2.0, 0.5))  # dispersion 0.5
            mean = 1.0 / (1.0 + math.exp(-(0.3 + 0.9 * x1)))
            share = min(max(draw.betavariate(12.0 * mean, 12.0 * (1.0 - mean)), 1e-4), 1.0 - 1e-4)
            duration = draw.gammavariate(3.0, math.exp(0.5 * x1) / 3.0)
            income = math.exp(2.0 + 0.6 * x1 + 0.5 * draw.gauss(0.0, 1.0))
            angle = draw.vonmisesvariate(0.0, 6.0) + math.pi + 1.2 * x1  # crosses the seam at pi
            angle = math.atan2(math.sin(angle), math.cos(angle))
            label = "yes" if draw.random() < 1.0 / (1.0 + math.exp(-2.0 * x1 + x2)) else "no"
            logits = [1.5 * x1, 1.5 * x2, -x1]
            weights = [math.exp(z) for z in logits]
            kind = draw.choices(["ash", "elm", "oak"], weights)[0]
            branch = draw.choice([-1.0, 1.0]) * (1.0 + 0.5 * x1) + draw.gauss(0.0, 0.1)
            a, b = draw.gauss(0.0, 0.3), draw.gauss(0.0, 0.3)
            u, v = x1 + a, x2 - x1 + 0.8 * a + 0.6 * b
            numbers = [f"{z:.6f}" for z in (share, duration, income, angle)]
            table.writerow([f"{x1:.6f}", f"{x2:.6f}", count, burst, *numbers, label, kind, *(f"{z:.6f}" for z in (branch, u, v))])


def outliers(path, n_rows=600, share=0.05):
    """y = 1 + 2 x + 0.3 noise; a twentieth of the rows is instead thrown up by 10 and more."""
    draw = random.Random(4)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["x", "y", "outlier"])
        for _ in range(n_rows):
            x, noise = draw.uniform(-1.0, 1.0), draw.gauss(0.0, 0.3)
            thrown = draw.random() < share
            y = 1.0 + 2.0 * x + (10.0 + 2.0 * draw.gauss(0.0, 1.0) if thrown else noise)
            table.writerow([f"{x:.6f}", f"{y:.6f}", int(thrown)])


def cubic(path, splits, n_train=1000, n_test=400):
    """y = x^3 + N(0, 3^2): training x uniform on [-4, 4], test x evenly on [-7, 7] (Amini et al. 2020)."""
    draw = random.Random(5)
    rows = [draw.uniform(-4.0, 4.0) for _ in range(n_train)]
    rows += [-7.0 + 14.0 * i / (n_test - 1) for i in range(n_test)]
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["x", "y"])
        for x in rows:
            table.writerow([f"{x:.6f}", f"{x**3 + draw.gauss(0.0, 3.0):.6f}"])
    splits.write_text(json.dumps({"test": [list(range(n_train, n_train + n_test))]}) + "\n")


def separable(path, n_rows=300):
    """Ten classes in the plane, far apart: on a circle of radius 3 with noise 0.1."""
    draw = random.Random(6)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["x1", "x2", "kind"])
        for i in range(n_rows):
            angle = 2.0 * math.pi * (i % 10) / 10.0
            x1, x2 = 3.0 * math.cos(angle) + draw.gauss(0.0, 0.1), 3.0 * math.sin(angle) + draw.gauss(0.0, 0.1)
            table.writerow([f"{x1:.6f}", f"{x2:.6f}", "abcdefghij"[i % 10]])


def sparse(path, n_rows=500):
    """Ten standard normal inputs, of which x1 to x4 drive a yes-or-no outcome; x9 and x10 nearly repeat x1 and x2."""
    draw = random.Random(7)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([f"x{i}" for i in range(1, 11)] + ["outcome"])
        for _ in range(n_rows):
            x = [draw.gauss(0.0, 1.0) for _ in range(8)]
            x += [x[0] + 0.5 * draw.gauss(0.0, 1.0), x[1] + 0.5 * draw.gauss(0.0, 1.0)]
            logit = 0.5 + 1.5 * x[0] - 1.0 * x[1] + 0.7 * x[2] - 0.5 * x[3]
            yes = draw.random() < 1.0 / (1.0 + math.exp(-logit))
            table.writerow([f"{v:.6f}" for v in x] + ["yes" if yes else "no"])


def unequal(path, n_rows=3000):
    """Two groups with unequal chances: skill is alike, but a hurdle and its stand-in tell the groups apart."""
    draw = random.Random(8)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["skill", "hurdle", "noise", "group", "hired"])
        for _ in range(n_rows):
            group = "a" if draw.random() < 0.6 else "b"
            skill, noise = draw.gauss(0.0, 1.0), draw.gauss(0.0, 1.0)
            hurdle = (1.0 if group == "b" else -0.7) + 0.7 * draw.gauss(0.0, 1.0)
            hired = draw.random() < 1.0 / (1.0 + math.exp(-(1.5 * skill - 1.2 * hurdle)))
            table.writerow([f"{skill:.6f}", f"{hurdle:.6f}", f"{noise:.6f}", group, "yes" if hired else "no"])


def friedman(path, n_rows=1000):
    """y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + N(0, 1), x1 to x10 uniform (Friedman 1991)."""
    draw = random.Random(9)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([f"x{i}" for i in range(1, 11)] + ["y"])
        for _ in range(n_rows):
            x = [draw.random() for _ in range(10)]
            y = 10.0 * math.sin(math.pi * x[0] * x[1]) + 20.0 * (x[2] - 0.5) ** 2 + 10.0 * x[3] + 5.0 * x[4]
            table.writerow([f"{v:.6f}" for v in (*x, y + draw.gauss(0.0, 1.0))])


def spiral_rhs(x, y):
    """A (x^3, y^3) with A = [[-0.1, 2], [-2, -0.1]]."""
    x3, y3 = x**3, y**3
    return -0.1 * x3 + 2.0 * y3, -2.0 * x3 - 0.1 * y3


def runge_kutta(x, y, h, rhs):
    a = rhs(x, y)
    b = rhs(x + 0.5 * h * a[0], y + 0.5 * h * a[1])
    c = rhs(x + 0.5 * h * b[0], y + 0.5 * h * b[1])
    d = rhs(x + h * c[0], y + h * c[1])
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
                    x, y = runge_kutta(x, y, h, spiral_rhs)
                t = time
                row = (t, x + draw.gauss(0.0, sigma), y + draw.gauss(0.0, sigma))
                table.writerow([trajectory, *(f"{v:.6f}" for v in row)])


def predator_prey(x, y):
    """dx/dt = x - x y / 10, dy/dt = -0.8 y + 0.5 (x y / 10)."""
    eaten = 0.1 * x * y
    return x - eaten, -0.8 * y + 0.5 * eaten


def lotka_volterra(path, n_trajectories=12, n_times=20, t1=7.0, sigma=0.4, step=1e-3):
    """Prey and predators from random starts at irregular times; a tenth of the predators not counted."""
    draw = random.Random(3)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "t", "x", "y"])
        for trajectory in range(n_trajectories):
            x, y, t = draw.uniform(8.0, 30.0), draw.uniform(4.0, 18.0), 0.0
            times = [0.0] + sorted(round(draw.uniform(0.1, t1), 3) for _ in range(n_times - 1))
            assert all(a < b for a, b in zip(times, times[1:]))
            for time in times:
                n_steps = round((time - t) / step)
                for _ in range(n_steps):
                    x, y = runge_kutta(x, y, step, predator_prey)
                t = time
                seen = draw.random() > 0.1
                row = [f"{x + draw.gauss(0.0, sigma):.4f}", f"{y + draw.gauss(0.0, sigma):.4f}" if seen else ""]
                table.writerow([trajectory, f"{t:.3f}", *row])


def doses(path, n_subjects=10, sigma=0.15):
    """A drug in one compartment, absorbed from the gut at 1.3 per hour, cleared at 0.12 per hour, volume 32 litres.

    Every subject takes doses of its own at times of its own; concentrations in mg/l at irregular times, in some rows
    together with a dose, which they then precede.
    """
    draw, (ka, ke, volume) = random.Random(4), (1.3, 0.12, 32.0)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "t", "conc", "dose"])
        for subject in range(n_subjects):
            first = draw.choice([100, 150, 200])
            given = {0.0: first, **{t: first / 2 for t in draw.sample([8.0, 12.0, 16.0, 24.0], 2)}}
            seen = {round(draw.uniform(0.2, 36.0), 2) for _ in range(9)} | {12.0}
            for t in sorted({*given, *seen}):
                conc = sum(
                    dose * ka / (volume * (ka - ke)) * (math.exp(-ke * (t - at)) - math.exp(-ka * (t - at)))
                    for at, dose in given.items()
                    if at < t
                )
                measured = f"{conc + draw.gauss(0.0, sigma):.4f}" if t in seen else ""
                table.writerow([subject, f"{t:.2f}", measured, given.get(t, 0)])


def pendulum_rhs(angle, rate):
    """d(angle)/dt = rate, d(rate)/dt = -3 sin(angle) - 0.15 rate."""
    return rate, -3.0 * math.sin(angle) - 0.15 * rate


def pendulum(path, n_trajectories=10, n_times=16, interval=0.3, sigma=0.02, n_steps=100):
    """A damped pendulum let go at rest or pushed, seen at even times with Gaussian noise."""
    draw = random.Random(6)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "t", "angle", "rate"])
        for trajectory in range(n_trajectories):
            angle, rate = draw.uniform(-1.6, 1.6), draw.uniform(-1.5, 1.5)
            for time in range(n_times):
                seen = (angle + draw.gauss(0.0, sigma), rate + draw.gauss(0.0, 2.0 * sigma))
                table.writerow([trajectory, f"{interval * time:.1f}", *(f"{v:.5f}" for v in seen)])
                for _ in range(n_steps):
                    angle, rate = runge_kutta(angle, rate, interval / n_steps, pendulum_rhs)


def epidemic(path, n_towns=4, population=20000.0, share=0.04, dispersion=0.02, step=1e-2):
    """Occupied beds in four towns: dS/dt = -0.5 S I / N, dI/dt = 0.5 S I / N - 0.2 I, days."""
    draw = random.Random(5)

    def rates(s, i):
        infected = 0.5 * s * i / population
        return -infected, infected - 0.2 * i

    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["town", "day", "beds"])
        for town in range(n_towns):
            i = draw.uniform(10.0, 60.0)
            s = population - i
            for day in range(0, 61, 2):
                # nobody counted on some days
                beds = poisson(draw, share * i * draw.gammavariate(1.0 / dispersion, dispersion))
                table.writerow([town, day, beds if draw.random() > 0.1 else ""])
                for _ in range(round(2.0 / step)):
                    s, i = runge_kutta(s, i, step, rates)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    heteroscedastic(folder / "heteroscedastic.csv")
    outcomes(folder / "outcomes.csv")
    spirals(folder / "spirals.csv")
    outliers(folder / "outliers.csv")
    cubic(folder / "cubic.csv", folder / "cubic.splits.json")
    separable(folder / "separable.csv")
    sparse(folder / "sparse.csv")
    unequal(folder / "unequal.csv")
    friedman(folder / "friedman.csv")
    lotka_volterra(folder / "lotka_volterra.csv")
    doses(folder / "doses.csv")
    pendulum(folder / "pendulum.csv")
    epidemic(folder / "epidemic.csv")
