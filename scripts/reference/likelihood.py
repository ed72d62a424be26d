"""Reference values of every likelihood: NLL and gradient by mpmath, distributions by scipy and mpmath.

One file per family. A case has the location (one number per component), the parameters of its block,
the observed vector, the joint NLL and its gradient with respect to locations and parameters (null
where it does not exist), and, for the first component alone, mean, variance, CDF and CRPS at the
observed value and quantiles. Non-finite numbers are strings.

The densities here are written in textbook form at 60 digits, where nothing cancels; CRPS is the
defining integral, not a closed form.

Usage: python scripts/reference/likelihood.py   (needs numpy, scipy and mpmath)
"""

import itertools
import json
import math
import pathlib

import mpmath as mp
import numpy as np
from scipy import integrate, optimize, stats

mp.mp.dps = 60
FOLDER = pathlib.Path(__file__).parents[2] / "crates/objective/tests/reference/likelihood"
LEVELS = [1e-6, 0.01, 0.1, 0.3, 0.5, 0.8, 0.975, 0.9999]


def squared(location, y):
    return sum((a - b) ** 2 for a, b in zip(location, y))


def gaussian(location, p, y):
    m, (scale,) = len(y), p
    return mp.mpf(m) / 2 * mp.log(2 * mp.pi * scale**2) + squared(location, y) / (2 * scale**2)


def laplace(location, p, y):
    m, (scale,) = len(y), p
    if m == 1:
        return mp.log(2 * scale) + abs(y[0] - location[0]) / scale
    return mp.log(8 * mp.pi * scale**3) + mp.sqrt(squared(location, y)) / scale


def multivariate_t(location, scale2, df, y):
    """Density of a t vector with scale matrix scale2 times the identity."""
    half = mp.mpf(len(y)) / 2
    return (
        mp.loggamma(df / 2)
        - mp.loggamma(df / 2 + half)
        + half * mp.log(df * mp.pi * scale2)
        + (df / 2 + half) * mp.log(1 + squared(location, y) / (df * scale2))
    )


def student_t(location, p, y):
    scale, df = p
    return multivariate_t(location, scale**2, df, y)


def normal_inverse_gamma(location, p, y):
    nu, alpha, beta = p
    return multivariate_t(location, beta * (1 + nu) / (alpha * nu), 2 * alpha, y)


def nig_scale(p):
    nu, alpha, beta = p
    return math.sqrt(beta * (1 + nu) / (alpha * nu))


class RadialLaplace(stats.rv_continuous):
    """One component of exp(-|x|/b)/(8 pi b^3) in three dimensions, b = 1."""

    def _pdf(self, z):
        # the other two components integrated out numerically, as a check of the closed form
        def one(z):
            return integrate.quad(lambda s: s * math.exp(-math.hypot(z, s)) / 4, 0, np.inf, epsabs=1e-15)[0]

        return np.vectorize(one)(z)

    def _cdf(self, z):
        tail = (2 + abs(z)) * np.exp(-abs(z)) / 4
        return np.where(z < 0, tail, 1 - tail)

    def _stats(self):
        return 0.0, 4.0, 0.0, None


radial = RadialLaplace(name="radial_laplace")
for z in [0.0, 0.3, 2.0, 9.0]:
    mass = integrate.quad(radial._pdf, z, z + 60, epsabs=1e-12, limit=200)[0]
    assert abs(mass - (1 - float(radial._cdf(z)))) < 1e-10, (z, mass)


def t_cdf(z, df):
    """P(T <= z) by integrating the density at 60 digits."""
    z, df = mp.mpf(z), mp.mpf(df)
    constant = mp.gamma((df + 1) / 2) / mp.gamma(df / 2) / mp.sqrt(df * mp.pi) if df < 1e4 else mp.exp(
        mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2)
    ) / mp.sqrt(df * mp.pi)
    points = [mp.mpf(0)] + [p for p in map(mp.mpf, [0.5, 1, 2, 4, 8, 16, 64, 256, 1024]) if p < abs(z)] + [abs(z)]
    with mp.workdps(30):
        half = mp.quad(lambda t: constant * (1 + t * t / df) ** (-(df + 1) / 2), points)
    return mp.mpf(1) / 2 + mp.sign(z) * half


def t_quantile(p, df):
    """scipy's quantile, polished by Newton steps on the 60-digit CDF."""
    z = mp.mpf(float(stats.t.ppf(p, df)))
    if p == 0.5:
        return 0.0
    for _ in range(3):
        density = mp.exp(-student_t([mp.mpf(0)], [mp.mpf(1), mp.mpf(df)], [z]))
        z -= (t_cdf(z, df) - mp.mpf(p)) / density
    return float(z)


def crps(frozen, y):
    """The defining integral, centred at the observation."""
    def below(t):
        return frozen.cdf(y - t) ** 2

    def above(t):
        return frozen.sf(y + t) ** 2

    scale = frozen.std() if np.isfinite(frozen.std()) else frozen.ppf(0.75) - frozen.ppf(0.25)
    cuts = [0.0] + sorted({abs(y - frozen.median()) + c * scale for c in (-40, -12, -4, -1, 0, 1, 4, 12, 40)} | {scale, 40 * scale})
    cuts = [c for c in cuts if c >= 0]
    total = 0.0
    for f in (below, above):
        for a, b in itertools.pairwise(cuts):
            total += integrate.quad(f, a, b, epsabs=1e-14 * scale, epsrel=1e-13, limit=400)[0]
        total += integrate.quad(f, cuts[-1], np.inf, epsabs=1e-14 * scale, epsrel=1e-12, limit=400)[0]
    return total


def number(x):
    x = float(x)
    return x if math.isfinite(x) else str(x)


def marginal(name, m, location, p, y):
    """Mean, variance, CDF, quantiles and CRPS of the first component."""
    if name == "gaussian":
        frozen = stats.norm(location, p[0])
    elif name == "laplace":
        frozen = (stats.laplace if m == 1 else radial)(location, p[0])
    else:
        df = p[1] if name == "student_t" else 2 * p[1]
        scale = p[0] if name == "student_t" else nig_scale(p)
        frozen = stats.t(df, location, scale)
        mean = location if df > 1 else math.nan
        variance = scale**2 * df / (df - 2) if df > 2 else (math.inf if df > 1 else math.nan)
        return {
            "mean": number(mean),
            "variance": number(variance),
            "cdf": number(t_cdf((mp.mpf(y) - mp.mpf(location)) / mp.mpf(scale), df)),
            "quantiles": [location + scale * t_quantile(level, df) for level in LEVELS],
            "crps": number(crps(frozen, y) if df > 1 else math.inf),
        }
    if name == "laplace" and m == 3:
        quantiles = [
            location + p[0] * optimize.brentq(lambda z: float(radial._cdf(z)) - level, -60, 60, xtol=1e-15, rtol=1e-15)
            for level in LEVELS
        ]
        quantiles[0] = location - p[0] * optimize.brentq(lambda z: math.log((2 + z) / 4) - z - math.log(LEVELS[0]), 0, 60, xtol=1e-15)
        quantiles[-1] = location + p[0] * float(
            mp.findroot(lambda z: mp.log((2 + z) / 4) - z - mp.log(1 - mp.mpf(LEVELS[-1])), 10)
        )
    else:
        quantiles = [float(frozen.ppf(level)) for level in LEVELS]
    return {
        "mean": location,
        "variance": number(frozen.var()),
        "cdf": number(frozen.cdf(y)),
        "quantiles": quantiles,
        "crps": number(crps(frozen, y)),
    }


def gradient(nll, location, p, y):
    values = [mp.mpf(v) for v in (*location, *p)]
    n = len(location)
    if nll is laplace and list(location) == list(y):
        return None
    partial = []
    for i in range(len(values)):
        def along(v):
            moved = values[:i] + [v] + values[i + 1 :]
            return nll(moved[:n], moved[n:], [mp.mpf(t) for t in y])

        # a complex step would do too; at 60 digits a difference relative to the value is exact enough
        with mp.workdps(60):
            h = max(abs(values[i]), mp.mpf(10) ** -3) * mp.mpf(10) ** -18
            partial.append(float((along(values[i] + h) - along(values[i] - h)) / (2 * h)))
    return partial


VECTORS = [([0.3, -0.2, 0.5], [0.0, 0.0, 0.0]), ([1.0, 2.0, -3.0], [1.0, 2.0, -3.0]), ([0.0, 0.1, 0.0], [120.0, -50.0, 30.0])]
GRIDS = {
    "gaussian": (gaussian, [[0.001], [0.5], [20.0]], [0.2, 0.2001, 1.3, -30.0]),
    "laplace": (laplace, [[0.001], [0.5], [20.0]], [0.2, 0.2001, 1.3, -30.0]),
    "student_t": (
        student_t,
        [[0.5, 4.0], [0.5, 1e8], [2.0, 1e4], [0.5, 0.3], [0.5, 1.0], [0.01, 1.5], [3.0, 30.0], [0.5, 2e5], [0.5, 9e4]],
        [0.2, 0.21, 1.3, -5.0],
    ),
    "normal_inverse_gamma": (
        normal_inverse_gamma,
        [[1.5, 2.0, 0.6], [1e-3, 1.001, 1e-4], [1e8, 3.0, 0.7], [1.2, 5e4, 3.0], [0.5, 1e8, 1e7], [1.2, 3.0, 0.7]],
        [0.2, 0.21, 1.3, -5.0],
    ),
}

FOLDER.mkdir(parents=True, exist_ok=True)
for name, (nll, parameters, observed) in GRIDS.items():
    cases = []
    scalars = [([0.2], [y]) for y in observed]
    for p, (location, y) in itertools.product(parameters, scalars + VECTORS):
        exact = [[mp.mpf(v) for v in group] for group in (location, p, y)]
        cases.append(
            {
                "location": location,
                "parameters": p,
                "y": y,
                "nll": float(nll(*exact)),
                "gradient": gradient(nll, location, p, y),
                "levels": LEVELS,
                **marginal(name, len(y), location[0], p, y[0]),
            }
        )
    (FOLDER / f"{name}.json").write_text(json.dumps({"cases": cases}, indent=1) + "\n")
    print(name, len(cases))
