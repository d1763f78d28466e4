"""The tree of errors.

::

    TilewrightError
    ├── InputError              the user's input cannot be used: exit code 2
    │   ├── SourceError         a kernel file or prompt document (has path and line)
    │   ├── MetricsError        profiler metrics
    │   ├── SpecError           an input specification
    │   ├── ReferenceFileError  a reference that does not load or fit
    │   ├── UnknownGpuError     no such target
    │   ├── UnknownStageError   no such stage
    │   └── StoreError          the store of runs, or a run in it
    ├── TimingError             a file that was to be compared cannot be timed
    └── PluginError             a rule, family or stage of ours does not load

A candidate's failure is data (a Verdict, a BuildFailure, a Screening), never one of these; only a comparison, which has
no result without both of its files, raises.
Each error keeps its fields and survives pickling.
"""

from __future__ import annotations


class TilewrightError(Exception):
    """Base of every error that Tilewright raises on purpose."""


class InputError(TilewrightError):
    """The input cannot be used. Says what, where, and what would be right, in one line."""


class LocatedError(InputError):
    """An input error with a place in a file."""

    def __init__(self, path: str, line: int | None, what: str, remedy: str) -> None:
        super().__init__(path, line, what, remedy)
        self.path, self.line, self.what, self.remedy = path, line, what, remedy

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.what}; {self.remedy}"


class SourceError(LocatedError):
    """A kernel file or prompt document that cannot be used."""


class MetricsError(LocatedError):
    """Profiler metrics that cannot be read, or that name kernels the file does not hold."""


class SpecError(LocatedError):
    """An input specification (``A=f32[8192,2048] …``) that cannot be read or does not fit."""


class ReferenceFileError(LocatedError):
    """A reference file that does not load, or whose shapes do not fit the kernel file."""


class UnknownGpuError(InputError):
    """No such target in the catalog."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        super().__init__(name, nearest)
        self.name, self.nearest = name, nearest

    def __str__(self) -> str:
        near = f"did you mean {', '.join(self.nearest)}? " if self.nearest else ""
        return f"--gpu {self.name!r}: no such GPU in the catalog; {near}`tilewright gpus` lists all of them"


class UnknownStageError(InputError):
    """No such optimization stage."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return f"--stage {self.name!r}: no such stage; use one of {', '.join(self.known)} or all"


class StoreError(InputError):
    """The store of runs cannot be used, or holds no such run. ``best``: the best proved file of the run it stopped."""

    def __init__(self, place: str, what: str, remedy: str, best: str = "") -> None:
        super().__init__(place, what, remedy, best)
        self.place, self.what, self.remedy, self.best = place, what, remedy, best

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}"


class TimingError(TilewrightError):
    """One of two files cannot be timed."""

    def __init__(self, file: str, kind: str, what: str, line: int | None = None) -> None:
        """Keep what is known.

        Args:
            file: ``baseline``, ``candidate``, or empty where neither can be told to be the cause.
            kind: ``raised``, ``crashed``, ``out_of_memory`` or ``timed_out``.
            what: one line that says what happened.
            line: of the file's text, from 1.
        """
        super().__init__(file, kind, what, line)
        self.file, self.kind, self.what, self.line = file, kind, what, line

    def __str__(self) -> str:
        where = "" if self.line is None else f" at line {self.line}"
        return f"the {self.file or 'baseline or the candidate'} cannot be timed{where}: {self.what}"


class PluginError(TilewrightError):
    """A rule, family or stage of Tilewright's own does not load."""
