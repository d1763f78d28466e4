"""Contractions: ``out[b, m, n] = value(sum over k of a[b, m, k] * b[b, k, n], …)``."""
