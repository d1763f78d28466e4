"""Contractions: matrix products of any layout, batched or not, with a pointwise epilogue."""
