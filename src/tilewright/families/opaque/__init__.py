"""Kernels that nothing else could lift: their source is kept, and only what is safe without knowing it is changed."""

from tilewright.families.named import on_named_launches
from tilewright.families.opaque.emit import emit as _emit
from tilewright.families.opaque.schedule import candidates, lift, variants
from tilewright.families.opaque.work import work

name = "opaque"
emit = on_named_launches(_emit)

__all__ = ["candidates", "emit", "lift", "name", "variants", "work"]
