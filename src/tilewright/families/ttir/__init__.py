"""Triton's own IR as text: parsing it, and evaluating it with symbols for whatever a launch would fill in."""
