"""Reference values of the predictive distributions of one component, by mpmath.

One file per family. A case has the parameters by name, the observation y, and there the CDF, the
probability above it, the CRPS, the mean and the variance; for discrete families also P(Y < y). The CDFs
are textbook series at so many digits that nothing cancels. The CRPS is a sum over the support or an
integral where that is affordable, else the published closed form.

Usage: python scripts/reference/marginal.py [FAMILY...]   (needs mpmath)
"""

import json
import math
import pathlib
import sys

import mpmath as mp

mp.mp.dps = 40
FOLDER = pathlib.Path(__file__).parents[2] / "crates/objective/tests/reference/marginal"


def ratio_series(ratio):
    """Σ of positive terms, of which the n-th is ratio(n) times the one before."""
    term, total, n = mp.mpf(1), mp.mpf(1), 1
    while term > total * mp.mpf(10) ** -mp.mp.dps:
        term *= ratio(n)
        total += term
        n += 1
    return total


def gamma_lower(a, x):
    """P(a, x) by its series of positive terms."""
    if x <= 0:
        return mp.mpf(0)
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * ratio_series(lambda n: x / (a + n))


def beta_lower(a, b, x):
    """I_x(a, b), by whichever textbook series is short."""
    if x <= 0 or x >= 1:
        return mp.mpf(x >= 1)
    if x > mp.mpf(1) / 2 and a * (1 - x) < 400 or x > a / (a + b) and b * x > 400:
        return 1 - beta_lower(b, a, 1 - x)
    if b * x < 400 and x <= mp.mpf(1) / 2:
        # x^a/B(a, b)·Σ (1 − b)ₙxⁿ/(n!(a + n)), whose terms may alternate
        term, total, n = mp.mpf(1), 1 / a, 1
        while abs(term) > abs(total) * mp.mpf(10) ** (-mp.mp.dps - 5):
            term *= (n - b) / n * x
            total += term / (a + n)
            n += 1
        return mp.exp(a * mp.log(x) + mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)) * total
    front = a * mp.log(x) + b * mp.log1p(-x) + mp.loggamma(a + b) - mp.loggamma(a + 1) - mp.loggamma(b)
    return mp.exp(front) * ratio_series(lambda n: (a + b + n - 1) / (a + n) * x)


def case(parameters, y, lower, crps, mean, variance, below=None):
    row = {
        **{name: [float(v) for v in value] if isinstance(value, list) else float(value) for name, value in parameters.items()},
        "y": float(y),
        "cdf": float(lower),
        "above": float(1 - lower),
        "crps": float(crps),
        "mean": float(mean),
        "variance": float(variance),
    }
    if below is not None:
        row["below"] = float(below)
    return {key: repr(value) if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


def spread_points(mean, deviation):
    """Counts from the far lower to the far upper tail."""
    points = {0, 1, int(mean)} | {int(mean + z * deviation) for z in (-7, -2, -0.5, 0.5, 2, 9)}
    return sorted(p for p in points if p >= 0)


def count_crps(mass_ratio, mass0, y, stop):
    """Σ (F(k) − 1[y ≤ k])² over the integers, the mass by its recurrence from k = 0."""
    mass, total, result, k = mass0, mass0, mp.mpf(0), 0
    while True:
        step = (total - (1 if k >= y else 0)) ** 2
        result += step
        k += 1
        if k > y and k > stop and step < mp.mpf(10) ** -30:
            return result
        mass *= mass_ratio(k)
        total += mass


def poisson_lower(lam, y):
    """P(Y ≤ y): downwards from y below the mean, else one less the sum upwards."""
    if y < 0:
        return mp.mpf(0)
    if y > lam:
        return 1 - gamma_lower(mp.mpf(y + 1), lam)
    return mp.exp(y * mp.log(lam) - lam - mp.loggamma(y + 1)) * ratio_series(lambda n: (y + 1 - n) / lam if n <= y else 0)


def poisson():
    for rate in [1e-6, 0.01, 0.7, 4.2, 30.0, 999.5, 3e4, 1e6]:
        lam = mp.mpf(rate)
        for y in spread_points(rate, rate**0.5):
            with mp.workdps(80):
                lower, below = poisson_lower(lam, y), poisson_lower(lam, y - 1)
                above = 1 - lower
                if rate < 1e4:
                    crps = count_crps(lambda k: lam / k, mp.exp(-lam), y, rate)
                else:
                    # the closed form of Jordan, Krüger & Lerch 2019
                    mass = mp.exp(y * mp.log(lam) - lam - mp.loggamma(y + 1))
                    spread = lam * mp.exp(-2 * lam) * (mp.besseli(0, 2 * lam) + mp.besseli(1, 2 * lam))
                    crps = (y - lam) * (1 - 2 * above) + 2 * lam * mass - spread
                yield case({"rate": rate}, y, lower, crps, lam, lam, below)


def negative_binomial():
    grid = [(m, a) for m in (1e-6, 0.05, 4.2, 180.0) for a in (1e-12, 1e-8, 1e-3, 0.5, 7.0, 1e3)]
    grid += [(2e4, 1e-8), (2e4, 1e-4), (2e4, 2.0), (1e6, 1e-8), (1e6, 1e-5), (1e6, 0.3), (1e6, 1e3)]
    for mean, alpha in grid:
        mu, a = mp.mpf(mean), mp.mpf(alpha)
        r, deviation = 1 / a, float(mp.sqrt(mu + a * mu * mu))
        for y in spread_points(mean, deviation):
            with mp.workdps(80):
                x = 1 / (1 + a * mu)
                lower = negative_binomial_lower(mu, a, y)
                below = negative_binomial_lower(mu, a, y - 1) if y > 0 else mp.mpf(0)
                q = a * mu / (1 + a * mu)
                if deviation < 300 and y < 3000:
                    crps = count_crps(lambda k: (k - 1 + r) / k * q, x**r, y, mean)
                else:
                    # the closed form of Jordan, Krüger & Lerch 2019, with two distribution functions and
                    # Euler's integral of ₂F₁ in t = u²: its own series alternates beyond any precision
                    with mp.workdps(30):
                        z = 4 * a * mu * (1 + a * mu)
                        weight = lambda u: mp.sqrt(1 - u * u) * mp.exp(-(r + 1) * mp.log1p(z * u * u))
                        knots = [0] + [mp.mpf(10) ** (j / mp.mpf(2)) / mp.sqrt(1 + (r + 1) * z) for j in range(-1, 40)]
                        gini = mu * (1 + a * mu) * 4 / mp.pi * mp.quad(weight, [k for k in knots if k < 0.9] + [1])
                    biased = beta_lower_whole(r + 1, y, x) if y > 0 else mp.mpf(0)
                    crps = y * (2 * lower - 1) - mu * (2 * biased - 1) - gini
                yield case({"mean": mean, "dispersion": alpha}, y, lower, crps, mu, mu + a * mu * mu, below)


def beta_lower_whole(r, b, x):
    """I_x(r, b) of a whole b: the smaller side by its series of positive terms."""
    q = 1 - x
    if q > 10 * x:
        with mp.workdps(300):
            return beta_lower(r, mp.mpf(b), x)
    # mass of the count b − 1 of the negative binomial, and ratios to its neighbours
    mass = mp.exp(mp.loggamma(r + b - 1) - mp.loggamma(r) - mp.loggamma(b) + r * mp.log(x) + (b - 1) * mp.log(q))
    if b - 1 <= r * q / x:
        # downwards: f(k−1)/f(k) = k/((r + k − 1)q)
        return mass * ratio_series(lambda n: (b - n) / ((r + b - 1 - n) * q) if n < b else mp.mpf(0))
    # upwards from b: f(k)/f(k−1) = (r + k − 1)q/k
    first = mass * (r + b - 1) * q / b
    return 1 - first * ratio_series(lambda n: (r + b + n - 1) * q / (b + n))


def negative_binomial_lower(mu, a, y):
    return beta_lower_whole(1 / a, y + 1, 1 / (1 + a * mu))


def bernoulli():
    for p in [1e-12, 0.003, 0.3, 0.5, 0.999, 1 - 2.0**-40]:
        q = mp.mpf(p)
        for y in (0, 1):
            yield case({"probability": p}, y, 1 - q if y == 0 else 1, (y - q) ** 2, q, q * (1 - q), 0 if y == 0 else 1 - q)


def beta():
    grid = [(0.4, 5.0), (0.7 / 1.8, 1.8), (0.5, 0.01), (0.3, 0.5), (0.5, 2.0), (0.02, 40.0), (0.9, 300.0), (0.5, 1e4), (0.3, 1e6)]
    grid += [(1e-12, 0.02), (1e-12, 3.0), (1e-12, 1e6), (1 - 2.0**-40, 5.0), (1 - 2.0**-40, 0.02), (1e-6, 1e6)]
    for mean, precision in grid:
        m, phi = mp.mpf(mean), mp.mpf(precision)
        a, b = m * phi, (1 - m) * phi
        deviation = float(mp.sqrt(m * (1 - m) / (1 + phi)))
        points = {0.3, 1e-3, 0.5, 0.97, 1 - 2.0**-20} if precision < 100 else set()
        points |= {mean + z * deviation for z in (-6, -1, 0.1, 4)}
        for y in sorted(p for p in points if 0 < p < 1):
            x = mp.mpf(y)
            with mp.workdps(300):
                lower = beta_lower(a, b, x)
                # the closed form with two distribution functions
                gini = 2 * mp.exp(mp.log(mp.beta(2 * a, 2 * b)) - 2 * mp.log(mp.beta(a, b))) / a
                crps = x * (2 * lower - 1) + m * (1 - 2 * beta_lower(a + 1, b, x) - gini)
            yield case({"mean": mean, "precision": precision}, y, lower, crps, m, m * (1 - m) / (1 + phi))


def gamma():
    for mean, shape in [(2.0, 3.0), (1.0, 1.0), (0.3, 0.05), (5e4, 0.7), (1e-6, 20.0), (7.0, 1e4), (1.0, 1e6), (3.0, 1e-6)]:
        m, k = mp.mpf(mean), mp.mpf(shape)
        deviation = mean / shape**0.5
        for y in sorted({z for z in (mean * 1e-3, mean * 0.5, mean, mean + 4 * deviation, mean + deviation, mean - 6 * deviation) if z > 0}):
            if shape > 1e3 and abs(y - mean) > 10 * deviation:
                continue
            x = k * mp.mpf(y) / m
            with mp.workdps(80):
                lower = gamma_lower(k, x)
                crps = mp.mpf(y) * (2 * lower - 1) - m * (2 * gamma_lower(k + 1, x) - 1) - m / (k * mp.beta(mp.mpf(1) / 2, k))
            yield case({"mean": mean, "shape": shape}, y, lower, crps, m, m * m / k)


def log_normal():
    half = mp.mpf(1) / 2
    for loc, scale in [(0.3, 0.5), (-4.0, 2.0), (6.0, 1e-3), (0.0, 12.0), (2.0, 0.9), (0.0, 30.0), (1.0, 40.0)]:
        mu, s = mp.mpf(loc), mp.mpf(scale)
        for z in (-8, -2, -0.3, 0, 1, 6):
            y = math.exp(loc + z * scale)
            with mp.workdps(500):
                ratio = (mp.log(mp.mpf(y)) - mu) / s
                lower = mp.ncdf(ratio)
                mean = mp.exp(mu + s * s / 2)
                crps = y * (2 * lower - 1) - 2 * mean * (mp.ncdf(ratio - s) + mp.ncdf(s / mp.sqrt(2)) - 1)
                yield case({"loc": loc, "scale": scale}, y, lower, crps, mean, mean**2 * mp.expm1(s * s))


def von_mises():
    for loc, kappa in [(0.3, 0.0), (0.3, 1e-5), (-1.0, 0.4), (0.3, 2.5), (3.0, 15.0), (0.0, 300.0), (1.0, 1e5), (0.0, 3e7)]:
        k, mu = mp.mpf(kappa), mp.mpf(loc)
        # e^{−κ} is taken out
        normalizer = 2 * mp.pi * mp.besseli(0, k) * mp.exp(-k)
        density = lambda t: mp.exp(-2 * k * mp.sin(t / 2) ** 2) / normalizer
        width = min(mp.mpf(3), 1 / mp.sqrt(k + mp.mpf("1e-9")))
        grid = [width * j for j in range(0, 15) if width * j < mp.pi] + [mp.pi]

        def tail(t):
            """P(Θ − loc > t) for t ≥ 0."""
            step = min(width, 1 / (k * mp.sin(t) + mp.mpf("1e-9"))) if t < mp.pi / 2 else width
            knots = [t + step * j for j in range(0, 40) if t + step * j < mp.pi] + [mp.pi]
            return mp.quad(density, knots)

        points = {-3.1, -1.0, -0.2, 0.0, 0.7, 3.0} if kappa < 100 else set()
        points |= {float(z * width) for z in (-7, -1, 0, 0.5, 4) if abs(z * width) < math.pi}
        variance = 2 * mp.quad(lambda t: t * t * density(t), grid)
        for delta in sorted(points):
            y = loc + delta
            d = mp.mpf(y) - mu
            upper = tail(abs(d))
            lower = 1 - upper if d >= 0 else upper
            # E d(Θ, y) − ½E d(Θ, Θ′) by the integrals themselves
            if kappa <= 20:
                distance = lambda t: abs(mp.fmod(t - d + 3 * mp.pi, 2 * mp.pi) - mp.pi)
                opposite = d - mp.pi if d > 0 else d + mp.pi
                knots = sorted([-mp.pi, d, opposite, mp.mpf(0), mp.pi])
                near = mp.quad(lambda t: distance(t) * density(t), knots)
                # the difference of two draws has density I₀(2κ cos(δ/2))/(2π I₀(κ)²)
                between = lambda t: t * mp.besseli(0, 2 * k * mp.cos(t / 2)) * mp.exp(-2 * k)
                pair = mp.quad(between, [0, mp.pi / 4, mp.pi / 2, mp.pi]) * 4 * mp.pi / normalizer**2
                crps = near - pair / 2
            else:
                # the same over a window in which all the mass lies
                near = mp.quad(lambda t: abs(t - d) * density(t), sorted([-g for g in grid] + grid + [d]))
                between = lambda t: t * mp.besseli(0, 2 * k * mp.cos(t / 2)) * mp.exp(-2 * k)
                pair = mp.quad(between, [2 * g for g in grid[:12] if 2 * g < mp.pi]) * 4 * mp.pi / normalizer**2
                crps = near - pair / 2
            yield case({"loc": loc, "concentration": kappa}, y, lower, crps, mu, variance)


def gaussian_mixture():
    mixtures = [
        ([1.0], [0.3], [2.0]),
        ([0.25, 0.75], [-3.0, 4.0], [0.5, 1.5]),
        ([0.5, 0.5 - 1e-9, 1e-9], [0.0, 0.0, 50.0], [1e-3, 10.0, 1.0]),
        ([0.2, 0.3, 0.5], [1e4, 1e4 + 1, 1e4 - 5], [0.1, 1.0, 2.0]),
    ]
    for weights, locs, scales in mixtures:
        w, m, s = ([mp.mpf(v) for v in values] for values in (weights, locs, scales))
        mean = mp.fdot(w, m)
        variance = mp.fsum(a * (c * c + (b - mean) ** 2) for a, b, c in zip(w, m, s))
        for y in [min(locs) - 9 * max(scales), locs[0], 0.5 * (locs[0] + locs[-1]), float(mean), max(locs) + 3]:
            cdf = lambda t: mp.fsum(a * mp.ncdf((t - b) / c) for a, b, c in zip(w, m, s))
            survival = lambda t: mp.fsum(a * mp.ncdf((b - t) / c) for a, b, c in zip(w, m, s))
            knots = sorted({mp.mpf(y)} | {b + z * c for b, c in zip(m, s) for z in (-18, -8, -4, -2, -1, 0, 1, 2, 4, 8, 18)})
            i = knots.index(mp.mpf(y))
            crps = mp.mpf(0)
            if i > 0:
                crps += mp.quad(lambda t: cdf(t) ** 2, knots[: i + 1])
            if i + 1 < len(knots):
                crps += mp.quad(lambda t: survival(t) ** 2, knots[i:])
            yield case({"weights": weights, "locs": locs, "scales": scales}, y, cdf(mp.mpf(y)), crps, mean, variance)


FAMILIES = [poisson, negative_binomial, bernoulli, beta, gamma, log_normal, von_mises, gaussian_mixture]

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        if sys.argv[1:] and family.__name__ not in sys.argv[1:]:
            continue
        rows = [" " + json.dumps(row) for row in family()]
        (FOLDER / f"{family.__name__}.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")
        print(family.__name__, len(rows))
