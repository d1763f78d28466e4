"""TW303."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.facts import tuned_launches
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity

_ONE = "triton.Config({'BLOCK': 64})"


class TunedAndPassed(Rule):
    """A parameter that the configs set must not be passed at the launch as well: Triton refuses the conflict, and
    older versions silently let one of the two win.
    """

    code = "TW303"
    name = "tuned-and-passed"
    severity = Severity.ERROR
    examples = (
        Good("config-only", autotuned(_ONE)),
        Good(
            "other-constexpr-passed",
            autotuned(_ONE, parameters="x_ptr, n, BLOCK: tl.constexpr, ACT: tl.constexpr", passed=", ACT=1"),
        ),
        Bad("keyword", autotuned(_ONE, passed=", BLOCK=64"), "`BLOCK` is set by the configs and passed", line=18),
        Bad("position", autotuned(_ONE, passed=", 64"), "`BLOCK` is set by the configs and passed"),
        Bad(
            "warps",
            autotuned("triton.Config({'BLOCK': 64}, num_warps=8)", passed=", num_warps=4"),
            "`num_warps` is set",
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare the names that the configs set with the arguments of the launch."""
        for site, configs in tuned_launches(file):
            tuned = {name for config in configs for name in (*config.values, *config.options)}
            for name in sorted(tuned & {*site.arguments, *site.options}):
                yield Report(site.node, f"`{name}` is set by the configs and passed at the launch; remove it here")
