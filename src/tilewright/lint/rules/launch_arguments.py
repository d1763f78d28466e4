"""TW512."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import LAUNCH_OPTIONS, FileModel, LaunchSite
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity


class LaunchArguments(Rule):
    """A launch must pass every parameter of its kernel that has no default and that no config or heuristic sets, and
    nothing else; Triton raises otherwise.
    """

    code = "TW512"
    name = "launch-arguments"
    severity = Severity.ERROR
    examples = (
        Good("all-passed", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16, num_warps=4)")),
        Good("set-by-configs", autotuned("triton.Config({'BLOCK': 64})")),
        Good("configs-out-of-sight", autotuned("*more")),
        Good("starred", in_wrapper("kernel[(1,)](*x)")),
        Bad("missing", in_wrapper("kernel[(1,)](x, x, 1)"), "`BLOCK` of `kernel` is not passed", line=14),
        Bad(
            "unknown",
            in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16, SIZE=2)"),
            "`kernel` has no parameter `SIZE`",
            line=14,
        ),
        Bad("too-many", in_wrapper("kernel[(1,)](x, x, 1, 16, 3)"), "5 arguments for 4 parameters", line=14),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare each launch with the parameters of its kernel."""
        for site in file.launches:
            kernel = site.kernel
            if site.surplus:
                count = len(kernel.names)
                yield Report(site.node, f"{count + site.surplus} arguments for {count} parameters of `{kernel.name}`")
            for name in site.options:
                if name not in LAUNCH_OPTIONS:
                    yield Report(site.node, f"`{kernel.name}` has no parameter `{name}`")
            for name in _missing(site):
                yield Report(site.node, f"`{name}` of `{kernel.name}` is not passed")


def _missing(site: LaunchSite) -> list[str]:
    tuner = site.kernel.autotune
    if not site.complete or (tuner is not None and tuner.configs is None):
        return []
    given = set(site.arguments) | site.kernel.heuristics
    given |= {name for config in (tuner.configs or ()) for name in config.values} if tuner else set()
    return [item.name for item in site.kernel.parameters if item.default is None and item.name not in given]
