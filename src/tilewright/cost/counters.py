"""What counters say of one kernel beyond its grid: time, pipes, stalls, conflicts, each beside what was predicted."""

from __future__ import annotations

from tilewright.cost.constants import LAUNCH_OVERHEAD_US
from tilewright.cost.evidence import Facts

TIME = "gpu__time_duration.sum"
CONFLICTS = "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum"
CONFLICTS_OF = tuple(f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{op}.sum" for op in ("ld", "st"))
PASSES = "l1tex__data_pipe_lsu_wavefronts_mem_shared.sum"
TENSOR = "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active"
TENSOR_ISSUED = "sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active"
L2_THROUGHPUT = "lts__throughput.avg.pct_of_peak_sustained_elapsed"
WAVES = "launch__waves_per_multiprocessor"
DRAM_BYTES = (
    ("dram__bytes_read.sum", "dram__bytes_write.sum"),
    ("dram__bytes_op_read.sum", "dram__bytes_op_write.sum"),
)
LOCAL = ("smsp__inst_executed_op_local_ld.sum", "smsp__inst_executed_op_local_st.sum")
SECTORS = "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_{}.ratio"
STALL = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"

BUSY_PIPE_PCT = 75.0
MANY_CONFLICTS = 0.33
"""Share of the kernel's cycles from which extra passes through shared memory are what it is held up by."""
MANY_WARPS = 1.0
"""Warps stalled for one reason, at each issue, from which it is worth naming: at one, each issue costs a wait."""

STALLS = {
    "long_scoreboard": ("latency", "wait for global or local memory"),
    "short_scoreboard": ("shared", "wait for shared memory or special functions"),
    "mio_throttle": ("shared", "find the queue to shared memory full"),
    "lg_throttle": ("issue", "find the queue to global memory full"),
    "barrier": ("latency", "wait for the others of their program"),
    "math_pipe_throttle": ("tensor", "find their arithmetic pipe busy"),
    "gmma": ("tensor", "wait for wgmma"),
    "wait": ("issue", "wait out an instruction's fixed latency"),
    "not_selected": ("issue", "were ready while another one issued"),
}
"""The profiler's names of reasons: what binds where the reason leads, and what the warps do."""


def time_us(facts: Facts) -> float | None:
    """Return the measured time of one launch."""
    measured = facts.metrics.get(TIME)
    return None if measured is None else measured / 1e3


def conflicts(facts: Facts) -> float | None:
    """Return the measured extra passes through shared memory of the whole launch."""
    if CONFLICTS in facts.metrics:
        return facts.metrics[CONFLICTS]
    found = [facts.metrics[name] for name in CONFLICTS_OF if name in facts.metrics]
    return sum(found) if found else None


def conflict_share(facts: Facts) -> float | None:
    """Return the share of the measured time that bank conflicts fill, 0 to 1, were the clock at boost throughout."""
    count, time = conflicts(facts), time_us(facts)
    if count is None or not time:
        return None
    return count / facts.target.sm_count / (time * facts.target.boost_clock_mhz)


def narrow_copies(facts: Facts) -> tuple[int, int]:
    """Return the asynchronous copies of the main loop that move 4 bytes a thread, and all of them."""
    if facts.build is None:
        return 0, 0
    found = {name: times for name, times in facts.build.mix.loop_modifiers.items() if name.startswith("LDGSTS")}
    narrow = sum(times for name, times in found.items() if not {"128", "64"} & set(name.split(".")))
    return narrow, sum(found.values())


def top_stall(facts: Facts) -> tuple[str, float] | None:
    """Return the reason for which most warps are stalled, where any is worth naming, and how many at each issue."""
    found = {reason: facts.metrics[name] for reason in STALLS if (name := STALL.format(reason)) in facts.metrics}
    if not found:
        return None
    reason = max(found, key=lambda one: found[one])
    return (reason, found[reason]) if found[reason] >= MANY_WARPS else None


def counter_sentences(facts: Facts) -> tuple[str, ...]:
    """Return what the counters say, one sentence each; nothing of what was not measured."""
    return tuple(sentence for part in _PARTS if (sentence := part(facts)))


def _time(facts: Facts) -> str:
    time, model = time_us(facts), facts.estimate
    if time is None or model.time_us == float("inf"):
        return ""
    inside = model.low_us <= time <= model.high_us
    between = f"{model.low_us:,.1f} to {model.high_us:,.1f}"
    said = (
        f"A launch took {time:,.1f} us (measured); {model.time_us:,.1f} us ({between})"
        f" were predicted{'' if inside else ', so that the model misses something here'}."
    )
    if time < 10 * LAUNCH_OVERHEAD_US:
        said += f" Starting it is about {LAUNCH_OVERHEAD_US:g} us of that."
    return said


def _waves(facts: Facts) -> str:
    seen = facts.metrics.get(WAVES)
    if seen is None:
        return ""
    last = seen % 1.0
    rest = f", the last of them {last:.0%} full" if last and seen > 1 else ""
    return f"The grid is {seen:.2f} waves{rest} (measured); {facts.waves.waves:.2f} predicted."


def _conflicts(facts: Facts) -> str:
    count, share = conflicts(facts), conflict_share(facts)
    if count is None:
        return ""
    said = f"{count:,.0f} bank conflicts (measured)"
    passes = facts.metrics.get(PASSES)
    if passes:
        said += f" of {passes:,.0f} passes through shared memory"
    if share is not None:
        said += (
            f" are {count / facts.target.sm_count:,.0f} extra passes on each SM, {share:.0%} of the launch's cycles at"
            f" {facts.target.boost_clock_mhz:,.0f} MHz"
        )
    floor = facts.estimate.floors_us.get("shared")
    return said + (f"; shared memory was predicted to be busy for {floor:,.0f} us." if floor else ".")


def _copies(facts: Facts) -> str:
    narrow, every = narrow_copies(facts)
    if not narrow or "HGMMA" not in (facts.build.mix.loop if facts.build else ()):
        return ""
    return (
        f"{narrow} of the main loop's {every} asynchronous copies move 4 bytes a thread (LDGSTS without .128, from the"
        " binary): they turn an operand round that 32-bit wgmma wants contiguous along k."
    )


def _tensor(facts: Facts) -> str:
    share = f"{100 * facts.share('tensor'):.1f} %"
    if TENSOR in facts.metrics:
        return f"Tensor cores work {facts.metrics[TENSOR]:g} % of the cycles (measured); {share} predicted."
    if TENSOR_ISSUED in facts.metrics:
        return (
            f"Tensor-core instructions are at {facts.metrics[TENSOR_ISSUED]:.2f} % of the most that could be issued"
            f" (measured); the cores were predicted to be busy {share} of the time."
        )
    return ""


def _l2(facts: Facts) -> str:
    busy = facts.metrics.get(L2_THROUGHPUT)
    return "" if busy is None else f"L2 is {busy:g} % busy (measured); {100 * facts.share('l2'):.1f} % predicted."


def _dram_bytes(facts: Facts) -> str:
    for names in DRAM_BYTES:
        if all(name in facts.metrics for name in names):
            moved = sum(facts.metrics[name] for name in names)
            traffic = facts.estimate.traffic
            return (
                f"{moved / 1e6:,.1f} MB crossed DRAM (measured); {traffic.dram_bytes / 1e6:,.1f} MB predicted,"
                f" {traffic.minimum_dram_bytes / 1e6:,.1f} MB needed at least."
            )
    return ""


def _sectors(facts: Facts) -> str:
    found = {word: facts.metrics.get(SECTORS.format(op)) for op, word in (("ld", "load"), ("st", "store"))}
    told = [f"{value:.1f} a {word}" for word, value in found.items() if value]
    return f"32-byte sectors that a warp touches: {' and '.join(told)} (measured)." if told else ""


def _local(facts: Facts) -> str:
    found = [facts.metrics[name] for name in LOCAL if name in facts.metrics]
    if not sum(found):
        return ""
    return f"{sum(found):,.0f} instructions moved spilled registers or local arrays (measured)."


def _stalls(facts: Facts) -> str:
    top = top_stall(facts)
    if top is None:
        return ""
    return f"At each issue {top[1]:.1f} warps {STALLS[top[0]][1]} (measured): the most frequent reason to wait."


_PARTS = (_time, _waves, _conflicts, _copies, _tensor, _l2, _dram_bytes, _sectors, _local, _stalls)
