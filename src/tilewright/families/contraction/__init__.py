"""Contractions: matrix products of any layout, batched or not, with a pointwise epilogue."""

from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.lift import lift
from tilewright.families.contraction.schedule import candidates
from tilewright.families.contraction.work import work

name = "contraction"

__all__ = ["candidates", "emit", "lift", "name", "work"]
