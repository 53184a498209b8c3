#!/usr/bin/env python3
"""Coefficients of modules/rnn/kernel/vector_math.hpp: polynomials of least largest relative error, found by Lawson's
iteration (least squares, reweighted by the error) in extended precision.

Each line prints: name, largest relative error of the exact polynomial, coefficients from the constant upwards.
"""
import numpy as np


def fit(name, quotient, weight, low, high, degree):
    """Polynomial p(x) with weight(x) * |p(x) - quotient(x)| as small as possible on [low, high]."""
    points = np.cos(np.linspace(0, np.pi, 4001)).astype(np.longdouble)
    x = (low + high) / 2 + (high - low) / 2 * points
    y, w = quotient(x), weight(x)
    basis = np.polynomial.chebyshev.chebvander(points.astype(float), degree)
    attention = np.ones_like(w, dtype=float)
    for _ in range(60):
        scale = (np.sqrt(attention) * w).astype(float)
        c = np.linalg.lstsq(basis * scale[:, None], y.astype(float) * scale, rcond=None)[0]
        error = np.abs(basis @ c - y.astype(float)) * w.astype(float)
        attention *= error / error.max() + 1e-12
        attention /= attention.max()
    series = np.polynomial.chebyshev.Chebyshev(c, domain=[float(low), float(high)])
    power = series.convert(kind=np.polynomial.Polynomial, domain=[-1, 1], window=[-1, 1]).coef
    print(name, f"{error.max():.1e}", ", ".join(f"{a:.9e}f" for a in power))


one = np.longdouble(1)
half_log2 = np.log(np.longdouble(2)) / 2
# exp(r) = 1 + r + r^2 p(r): the leading terms are exact
fit("exp", lambda r: np.where(np.abs(r) < 1e-3, 0.5 + r / 6 + r * r / 24 + r**3 / 120,
                              (np.expm1(r) - r) / np.where(r == 0, one, r * r)),
    lambda r: r * r / np.exp(r), -half_log2 * 1.01, half_log2 * 1.01, 4)
# log1p(u) = u p(u) on [0, 1]
fit("log1p", lambda u: np.where(u == 0, one, np.log1p(u) / np.where(u == 0, one, u)),
    lambda u: 1 / np.where(u == 0, one, np.log1p(u) / np.where(u == 0, one, u)), 0 * one, one, 8)
# log(1 + f) = f + f^2 p(f) on [sqrt(1/2) - 1, sqrt(2) - 1]
fit("log", lambda f: np.where(np.abs(f) < 1e-3, -0.5 + f / 3 - f * f / 4 + f**3 / 5,
                              (np.log1p(f) - f) / np.where(f == 0, one, f * f)),
    lambda f: np.abs(f) + 1e-9, np.sqrt(one / 2) - 1, np.sqrt(2 * one) - 1, 8)
# tanh(x) = x + x^3 p(x^2) for |x| <= 0.625
fit("tanh", lambda s: np.where(s < 1e-4, -one / 3 + 2 * s / 15 - 17 * s * s / 315,
                               (np.tanh(np.sqrt(s)) / np.sqrt(np.where(s == 0, one, s)) - 1) / np.where(s == 0, one, s)),
    lambda s: s, 0 * one, np.longdouble(0.625) ** 2, 4)
