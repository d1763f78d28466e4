"""The optimization stages: which Schedule fields each may change, and by which rules. One TOML file a stage."""

from tilewright.stages.catalog import (
    UNOWNED_FIELDS,
    all_stages,
    foreign_changes,
    get,
    load_stages,
    open_fields,
    owner,
    under_policy,
)

__all__ = [
    "UNOWNED_FIELDS",
    "all_stages",
    "foreign_changes",
    "get",
    "load_stages",
    "open_fields",
    "owner",
    "under_policy",
]
