"""Reference values of special functions and their derivatives, by mpmath at 50 digits.

Usage: python scripts/reference/special.py   (needs mpmath; writes crates/ops/tests/reference)
"""

import json
import pathlib

import mpmath as mp

mp.mp.dps = 50
TARGET = pathlib.Path(__file__).parents[2] / "crates/ops/tests/reference/special.json"

POSITIVE = [1e-8, 1e-3, 0.1, 0.5, 0.9, 1.0, 1.1, 1.19, 1.5, 2.0, 3.7, 8.0, 9.99, 10.0, 15.99, 16.0, 16.01, 40.0, 1e3, 1e4, 1e6, 1e8, 1e12]
BESSEL = [0.0, 1e-6, 0.01, 0.5, 1.0, 3.0, 8.0, 14.9, 19.99, 20.0, 20.01, 35.0, 92.0, 700.0, 1e4, 1e8]
REAL = [-745.0, -100.0, -40.0, -37.0, -5.0, -1e-9, 0.0, 1e-9, 0.3, 5.0, 36.0, 40.0, 700.0, 1e6]


def log_i0e(x):
    return mp.log(mp.besseli(0, x)) - abs(x)


def log_i0e_derivative(x):
    return mp.besseli(1, x) / mp.besseli(0, x) - mp.sign(x)


def softplus(x):
    return mp.log1p(mp.exp(x))


def rows(function, derivative, points):
    return [[float(x), float(function(mp.mpf(x))), float(derivative(mp.mpf(x)))] for x in points]


def difference(m):
    half = mp.mpf(m) / 2
    return lambda a: mp.loggamma(a + half) - mp.loggamma(a), lambda a: mp.psi(0, a + half) - mp.psi(0, a)


# each row is x, f(x), f'(x)
table = {
    "lgamma": rows(mp.loggamma, lambda x: mp.psi(0, x), POSITIVE),
    "digamma": rows(lambda x: mp.psi(0, x), lambda x: mp.psi(1, x), POSITIVE),
    "log1p": rows(mp.log1p, lambda x: 1 / (1 + x), [-0.999, -0.5, -1e-10, 0.0, 1e-20, 1e-10, 0.3, 5.0, 1e10, 1e300]),
    "softplus": rows(softplus, lambda x: 1 / (1 + mp.exp(-x)), REAL),
    "i0e": rows(lambda x: mp.besseli(0, x) * mp.exp(-x), lambda x: (mp.besseli(1, x) - mp.besseli(0, x)) * mp.exp(-x), BESSEL),
    "i1e": rows(lambda x: mp.besseli(1, x) * mp.exp(-x), lambda x: mp.mpf(0), BESSEL),
    "log_i0e": rows(log_i0e, log_i0e_derivative, BESSEL),
}
for m in range(1, 7):
    table[f"lgamma_difference_{m}"] = rows(*difference(m), POSITIVE)

TARGET.parent.mkdir(parents=True, exist_ok=True)
TARGET.write_text(json.dumps(table, indent=1) + "\n")
