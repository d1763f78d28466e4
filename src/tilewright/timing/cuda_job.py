"""Jobs of a worker that times files on the GPU."""

from tilewright.timing import jobs
from tilewright.timing.cuda_clock import CudaClock
from tilewright.timing.jobs import begin, describe, forget, issue, load, measure, replay, warm

__all__ = ["begin", "describe", "forget", "issue", "load", "measure", "replay", "warm"]

jobs.use(CudaClock)
