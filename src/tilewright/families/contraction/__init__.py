"""Contractions: ``out[b, m, n] = value(sum over k of a[b, m, k] * b[b, k, n], …)``.

The package follows the Family protocol: ``name``, ``lift``, ``candidates``, ``variants``, ``emit`` and ``work``.
"""

from tilewright.families.contraction.emit import emit as _emit
from tilewright.families.contraction.lift import lift
from tilewright.families.contraction.schedule import candidates, illegal
from tilewright.families.contraction.variants import variants
from tilewright.families.contraction.work import work
from tilewright.families.named import on_named_launches

name = "contraction"
emit = on_named_launches(_emit)

__all__ = ["candidates", "emit", "illegal", "lift", "name", "variants", "work"]
