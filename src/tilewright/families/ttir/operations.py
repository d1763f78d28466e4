"""How Triton IR's pointwise operations are called in ``records.algorithm.OPERATIONS``."""

from __future__ import annotations

FLOATING = {
    "arith.addf": "add", "arith.subf": "sub", "arith.mulf": "mul", "arith.divf": "div", "arith.remf": "rem",
    "arith.negf": "neg", "arith.maxnumf": "max", "arith.minnumf": "min", "arith.maximumf": "max_nan",
    "arith.minimumf": "min_nan", "math.absf": "abs", "math.exp": "exp", "math.exp2": "exp2", "math.log": "log",
    "math.log2": "log2", "math.sqrt": "sqrt", "math.rsqrt": "rsqrt", "math.sin": "sin", "math.cos": "cos",
    "math.erf": "erf", "math.tanh": "tanh", "math.floor": "floor", "math.ceil": "ceil", "math.fma": "fma",
    "tt.precise_sqrt": "sqrt", "tt.precise_divf": "div",
}  # fmt: skip
"""Operations on floating-point numbers."""

INTEGRAL = {
    "arith.addi": "add", "arith.subi": "sub", "arith.muli": "mul", "arith.divsi": "div", "arith.remsi": "rem",
    "arith.maxsi": "max", "arith.minsi": "min", "math.absi": "abs",
}  # fmt: skip
"""Operations on whole numbers that are data; division is Triton's, towards zero."""

LIBDEVICE = {
    "exp": "exp", "exp2": "exp2", "log": "log", "log2": "log2", "sqrt": "sqrt", "rsqrt": "rsqrt", "sin": "sin",
    "cos": "cos", "erf": "erf", "tanh": "tanh", "floor": "floor", "ceil": "ceil", "fabs": "abs", "fmax": "max",
    "fmin": "min", "fma": "fma",
}  # fmt: skip
"""Functions of CUDA's libdevice, without ``__nv_`` and the ``f`` that marks the 32-bit form."""

COMPARISONS = {
    "oeq": "eq", "ogt": "gt", "oge": "ge", "olt": "lt", "ole": "le", "une": "ne",
    "eq": "eq", "ne": "ne", "slt": "lt", "sle": "le", "sgt": "gt", "sge": "ge",
}  # fmt: skip
"""Predicates of ``arith.cmpf`` and ``arith.cmpi``."""

CASTS = ("arith.extf", "arith.truncf", "tt.fp_to_fp", "arith.sitofp", "arith.fptosi", "arith.uitofp", "arith.fptoui")
"""Changes of dtype of data."""

INTEGER_CASTS = ("arith.extsi", "arith.extui", "arith.trunci", "arith.index_cast")
"""Changes of width of whole numbers."""


def libdevice(symbol: str) -> str | None:
    """Return the operation behind a libdevice symbol such as ``__nv_tanhf``."""
    name = symbol.removeprefix("__nv_")
    return LIBDEVICE.get(name) or (LIBDEVICE.get(name[:-1]) if name.endswith("f") else None)
