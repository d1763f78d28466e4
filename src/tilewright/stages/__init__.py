"""The optimization stages: which Schedule fields each may change, and by which rules. One TOML file a stage."""

from tilewright.stages.catalog import all_stages, foreign_changes, get, load_stages, open_fields, owner, under_policy

__all__ = ["all_stages", "foreign_changes", "get", "load_stages", "open_fields", "owner", "under_policy"]
