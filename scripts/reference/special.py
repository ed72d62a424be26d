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
def stirling_remainder(x):
    return mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2


table["log1p_ratio"] = rows(
    lambda x: mp.log1p(x) / x,
    lambda x: (1 / (1 + x) - mp.log1p(x) / x) / x,
    [-0.999, -0.5, -0.031, -0.029, -1e-10, 1e-20, 1e-10, 1e-3, 0.029, 0.031, 0.3, 5.0, 1e10],
)
# below 1e-3 the derivative is of order 1/x: its relative accuracy is what counts there
table["stirling_remainder"] = rows(
    stirling_remainder, lambda x: mp.psi(0, x) - mp.log(x) + 1 / (2 * x), [x for x in POSITIVE if x >= 1e-3]
)
for m in range(1, 7):
    table[f"lgamma_difference_{m}"] = rows(*difference(m), POSITIVE)



def ratio_series(ratio):
    """Σ of positive terms, of which the n-th is ratio(n) times the one before."""
    term, total, n = mp.mpf(1), mp.mpf(1), 1
    while term > total * mp.mpf(10) ** -mp.mp.dps:
        term *= ratio(n)
        total += term
        n += 1
    return total


def incomplete_gamma(a, x):
    """P(a, x), Q(a, x); so many digits that both tails have 30."""
    with mp.workdps(360):
        a, x = mp.mpf(a), mp.mpf(x)
        series = ratio_series(lambda n: x / (a + n))
        lower = mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * series
        return lower, 1 - lower


def incomplete_beta(a, b, x):
    """The tail on the near side of the mean, and the other one."""
    a, b, x = mp.mpf(a), mp.mpf(b), mp.mpf(x)
    if x > a / (a + b):
        upper, lower = incomplete_beta(b, a, 1 - x)
        return lower, upper
    if max(a, b) < 50:
        lower = mp.betainc(a, b, 0, x, regularized=True)
    else:
        series = ratio_series(lambda n: (a + b + n - 1) / (a + n) * x)
        front = a * mp.log(x) + b * mp.log1p(-x) + mp.loggamma(a + b) - mp.loggamma(a + 1) - mp.loggamma(b)
        lower = mp.exp(front) * series
    return lower, 1 - lower


def rising(alpha, y):
    """The sum itself where it is short, else the textbook form at enough digits."""
    alpha, y = mp.mpf(alpha), int(y)
    with mp.workdps(90):
        if y <= 1000:
            return mp.fsum(mp.log1p(alpha * j) for j in range(y)), mp.fsum(j / (1 + alpha * j) for j in range(y))
        r = 1 / alpha
        value = mp.loggamma(y + r) - mp.loggamma(r) - y * mp.log(r)
        # d/dα = −r²·d/dr, and d/dr[lnΓ(y+r) − lnΓ(r) − y ln r] = ψ(y+r) − ψ(r) − y/r
        slope = -(r**2) * (mp.psi(0, y + r) - mp.psi(0, r) - y / r)
        return value, slope


table["expm1"] = rows(mp.expm1, mp.exp, [-700.0, -5.0, -1e-10, 0.0, 1e-20, 0.3, 5.0, 100.0])
table["log_erfc"] = rows(
    lambda x: mp.log(mp.erfc(x)),
    lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x) / mp.erfc(x),
    [-30.0, -5.0, -1.0, -1e-9, 0.0, 1e-12, 0.2, 0.3, 0.99, 1.0, 3.0, 4.99, 5.0, 5.01, 10.0, 26.0, 29.9, 31.0, 1e3, 1e8],
)
# each row is x, e^{x²} erfc(x), 0
table["erfcx"] = rows(lambda x: mp.exp(x * x) * mp.erfc(x), lambda x: mp.mpf(0), [-20.0, -1.0, 0.0, 1.0, 4.99, 5.01, 12.0, 29.9, 30.1, 1e4])
# each row is the arguments and then the two tails
table["incomplete_gamma"] = [
    [a, x, *map(float, incomplete_gamma(a, x))]
    for a in [1e-10, 1e-3, 0.3, 1.0, 1.7, 12.0, 300.0, 1e4, 1e6]
    for x in sorted({1e-6, 0.3, 0.999, 1.5, a / 2, max(a - 5 * a**0.5, 1e-4), a - a**0.5 / 3 if a > 1 else a, a, a + 1, a + 6 * a**0.5, 2 * a + 9})
    if x > 0 and not (a > 1e4 and abs(x - a) > 0.1 * a)
]
table["incomplete_beta"] = [
    [a, b, x, *map(float, incomplete_beta(a, b, x))]
    for a, b in [(1e-10, 1e-3), (1e-3, 1e-10), (0.2, 0.3), (0.5, 0.5), (0.7, 1.1), (1.0, 1.0), (2.0, 1e-6), (3.0, 0.4), (0.4, 30.0), (5.0, 7.0), (120.0, 0.3), (2e3, 4.0), (40.0, 900.0), (1e4, 1e4), (3e5, 7e5)]
    for x in sorted({1e-6, 0.1, 0.5, 0.89, 0.91, 1 - 2.0**-30} | {min(max(a / (a + b) + z * (a * b / (a + b + 1)) ** 0.5 / (a + b), 1e-9), 1 - 2.0**-40) for z in (-7, -1, 0, 0.2, 5)})
    if min(a, b) < 1e3 or abs(x - a / (a + b)) < 0.02
]
# each row is α, y, the sum and its derivative with respect to α
table["rising_log1p"] = [
    [alpha, y, *map(float, rising(alpha, y))]
    for alpha in [1e-15, 1e-12, 1e-8, 1e-5, 1e-3, 0.03, 0.1, 0.5, 1.0, 7.0, 1e3, 1e6]
    for y in [0.0, 1.0, 2.0, 5.0, 32.0, 33.0, 100.0, 5000.0, 1e6]
]

TARGET.parent.mkdir(parents=True, exist_ok=True)
lines = [f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]" for name, rows in table.items()]
TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
