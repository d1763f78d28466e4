"""Jobs of a worker that times files in Triton's interpreter."""

from tilewright.timing import jobs
from tilewright.timing.host_clock import HostClock
from tilewright.timing.jobs import begin, describe, forget, issue, load, measure, replay, warm

__all__ = ["begin", "describe", "forget", "issue", "load", "measure", "replay", "warm"]

jobs.use(HostClock)
