"""Families: each knows one kind of Algorithm, from lifting it to emitting it."""

from tilewright.families.family import Family, Plan
from tilewright.families.registry import lift

__all__ = ["Family", "Plan", "lift"]
