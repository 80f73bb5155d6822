"""Prints the table of `resample.rs`: a fixed signal at common sampling rates, resampled by SciPy.

Usage: resample_reference.py, with SciPy 1.17 installed.
"""

from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

RATES = [
    1, 8, 10, 16, 25, 32, 50, 64, Fraction(200, 3), 100, 125, 128, 200, 250, 256, Fraction(975, 2),
    500, 512, 1000, 1024, 2000,
]


def signal(n):
    i = np.arange(n)
    values = np.sin(0.05 * i) + 0.5 * np.cos(0.73 * i) + 0.25 * np.sin(2.1 * i + 1.0)
    return values.astype(np.float32).astype(np.float64)


for rate in RATES:
    ratio = Fraction(64) / Fraction(rate)
    n = 4000 if rate >= 200 else 1500 if rate >= 25 else 150
    y = resample_poly(signal(n), ratio.numerator, ratio.denominator)
    values = ", ".join(f"{y[index]:.9f}" for index in (0, len(y) // 3, len(y) // 2, len(y) - 1))
    print(f"    (({float(rate)}, {n}), {len(y)}, [{values}], ({y.sum():.6f}, {(y * y).sum():.6f})),")
