"""Does the work come from the kernels of the file: probes beside a call (worker side) and what they mean (parent side).

``watch`` is imported by workers, ``judge`` by the parent; this package imports neither.
"""
