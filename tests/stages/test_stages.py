import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from tilewright.errors import PluginError, UnknownStageError
from tilewright.records.schedule import Schedule
from tilewright.stages import all_stages, foreign_changes, get, load_stages, owner

DATA = Path(__file__).parents[2] / "src" / "tilewright" / "stages" / "data"


def test_the_stages_run_in_this_order():
    names = [stage.name for stage in all_stages()]
    assert names == ["grid_and_parallel", "block_tiling", "memory_access", "advanced_memory"]


@pytest.mark.parametrize("field", [field.name for field in fields(Schedule)])
def test_every_field_but_the_arithmetic_has_exactly_one_owner(field):
    owners = [stage.name for stage in all_stages() if field in stage.fields]
    assert len(owners) == (0 if field == "input_precision" else 1)
    found = owner(field)
    assert (found.name if found else None) == (owners[0] if owners else None)


def test_the_thresholds_of_the_reference_prompt():
    limits = {t.metric: (t.value, t.above) for stage in all_stages() for t in stage.thresholds if t.value is not None}
    assert limits == {
        "sm__throughput.avg.pct_of_peak_sustained_elapsed": (60.0, True),
        "sm__warps_active.avg.pct_of_peak_sustained_active": (50.0, True),
        "smsp__warp_issue_stalled_long_scoreboard_per_warp_active.pct": (20.0, False),
    }


@pytest.mark.parametrize("stage", all_stages(), ids=lambda stage: stage.name)
def test_every_stage_states_its_rules_and_plausible_metrics(stage):
    assert stage.focus
    assert stage.guidelines
    assert stage.safety_rules
    assert stage.autotune_rules
    for threshold in stage.thresholds:
        assert re.fullmatch(r"(sm|smsp|dram|lts|l1tex|launch)__[a-z0-9_.]+", threshold.metric)
        assert "memory_dependency" not in threshold.metric


def test_an_unknown_stage_names_the_known_ones():
    with pytest.raises(
        UnknownStageError, match="grid_and_parallel, block_tiling, memory_access, advanced_memory or all"
    ):
        get("tiling")


def test_a_stage_may_change_only_what_it_owns():
    before = Schedule()
    grid = get("grid_and_parallel")
    assert foreign_changes(grid, before, replace(before, program_order="grouped", group_m=8, split_k=2)) == ()
    assert foreign_changes(grid, before, replace(before, group_m=4, block_m=128, masks="wrapped")) == (
        "block_m",
        "masks",
    )
    assert foreign_changes(get("block_tiling"), before, replace(before, group_m=4, block_m=128)) == ("group_m",)
    for stage in all_stages():
        assert foreign_changes(stage, before, replace(before, input_precision="ieee")) == ("input_precision",)
        assert foreign_changes(stage, before, before) == ()


def test_one_tunable_group_may_vary_and_no_second():
    before, grid = Schedule(), get("grid_and_parallel")
    blocks = replace(before, block_m=128, block_n=128)
    assert foreign_changes(grid, before, blocks, tuned=("block_m", "block_n")) == ()
    assert foreign_changes(grid, before, replace(before, num_warps=8), tuned=("num_warps", "num_stages")) == ()
    both = replace(blocks, num_warps=8)
    assert foreign_changes(grid, before, both, tuned=("block_m", "block_n", "num_warps")) == (
        "block_m",
        "block_n",
        "num_warps",
    )
    assert foreign_changes(get("memory_access"), before, blocks, tuned=("block_m", "block_n")) == ("block_m", "block_n")


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda text: text.replace('"split_k"', '"split_j"'), "split_j is no field of Schedule; split_k has no owner"),
        (lambda text: text.replace('"split_k"', '"block_m"'), "block_m has more than one owner"),
        (lambda text: text.replace('"split_k"', '"split_k", "input_precision"'), "input_precision may have no owner"),
        (lambda text: text.replace("position = 1", "position = 2"), "two stages have the position 2"),
        (lambda text: text.replace("focus = ", "focal = "), "grid_and_parallel.toml does not load: KeyError: 'focus'"),
        (lambda text: text + "\n[[", "grid_and_parallel.toml does not load: TOMLDecodeError"),
        (lambda text: text + 'extra = "x"\n', "grid_and_parallel.toml does not load: TypeError"),
    ],
    ids=["unknown field", "two owners", "arithmetic owned", "same position", "missing key", "bad toml", "extra key"],
)
def test_a_bad_stage_file_is_refused(tmp_path, edit, fault):
    for path in DATA.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(edit(text) if path.stem == "grid_and_parallel" else text, encoding="utf-8")
    with pytest.raises(PluginError, match=re.escape(fault)):
        load_stages(tmp_path)
