"""What runs have found out, kept in SQLite: nothing that was measured or proved is measured or proved again.

A run is a function of its request, its seed, and what was found out. To resume one is to run it again from its
request: every answer that it had recorded is taken from the store, and the rest is found out as before.
"""

from tilewright.store.log import NullLog, key_of
from tilewright.store.run_log import RunLog
from tilewright.store.store import LAST, RunRow, State, Store

__all__ = ["LAST", "NullLog", "RunLog", "RunRow", "State", "Store", "key_of"]
