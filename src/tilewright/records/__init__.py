"""The frozen records that cross rooms.

Records hold data and no behaviour. Every room may import them; they import nothing of Tilewright.
Units stand in names (``time_us``, ``shared_bytes``), and a mapping is read-only by convention.
"""
