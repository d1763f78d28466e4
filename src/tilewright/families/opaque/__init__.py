"""Kernels that nothing else could lift: their source is kept, and only what is safe without knowing it is changed."""

from tilewright.families.opaque.emit import emit
from tilewright.families.opaque.schedule import candidates, lift, variants
from tilewright.families.opaque.work import work

name = "opaque"

__all__ = ["candidates", "emit", "lift", "name", "variants", "work"]
