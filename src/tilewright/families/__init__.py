"""Families: each knows one kind of Algorithm, from lifting it to emitting it."""
