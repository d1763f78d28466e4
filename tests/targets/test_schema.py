"""A broken catalog file is refused by name, with the field and what is wrong."""

from importlib import resources

import pytest

from tilewright.errors import PluginError
from tilewright.targets.schema import parse_entry

GOOD = (resources.files("tilewright.targets") / "catalog" / "t4.toml").read_text(encoding="utf-8")


def line_of(field):
    (line,) = [line for line in GOOD.splitlines() if line.startswith(f"{field} = ")]
    return line


def changed(field, line):
    return GOOD.replace(line_of(field), line)


def test_a_good_file_is_read():
    entry = parse_entry(GOOD, "t4.toml")
    assert entry.target.name == "t4"
    assert entry.target.shared_bytes_per_sm == 65536
    assert entry.target.shared_reserved_bytes_per_block == 0
    assert entry.target.tf32_tflops is None
    assert "T4" in entry.aliases
    assert "tf32_tflops" not in entry.target.sources


def test_a_number_from_memory_says_so_in_its_source():
    line = 'sm_count = { value = 40, unit = "count", read = "none", source = "a whitepaper" }'
    entry = parse_entry(changed("sm_count", line), "t4.toml")
    assert entry.read["sm_count"] == "none"
    assert entry.target.sources["sm_count"] == "a whitepaper (not re-read)"
    assert entry.target.sources["l2_bytes"] == parse_entry(GOOD, "t4.toml").target.sources["l2_bytes"]


TABLE = '{{ value = {}, unit = "{}", read = "source", source = "{}" }}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("name = ", "not a TOML file", id="syntax"),
        pytest.param(changed("name", 'name = "t5"'), "called after its GPU", id="name"),
        pytest.param(changed("title", 'title = ""'), "title must be a name", id="title"),
        pytest.param(changed("aliases", 'aliases = "T4"'), "aliases must be a list", id="aliases"),
        pytest.param(changed("sm_count", ""), "sm_count is missing", id="missing"),
        pytest.param(changed("sm_count", "sm_count = 40"), "table of value, unit, read and source", id="bare number"),
        pytest.param(changed("l2_bytes", "l2_bytes = " + TABLE.format(4, "KB", "x")), "is in MB, not in KB", id="unit"),
        pytest.param(changed("l2_bytes", "l2_bytes = " + TABLE.format(4, "MB", " ")), "has no source", id="source"),
        pytest.param(
            changed("l2_bytes", "l2_bytes = " + TABLE.format(-4, "MB", "x")), "must be positive", id="negative"
        ),
        pytest.param(changed("l2_bytes", "l2_bytes = " + TABLE.format(0, "MB", "x")), "must be positive", id="zero"),
        pytest.param(changed("l2_bytes", "l2_bytes = " + TABLE.format("nan", "MB", "x")), "must be positive", id="nan"),
        pytest.param(
            changed("l2_bytes", "l2_bytes = " + TABLE.format('"4"', "MB", "x")), "must be a number", id="text"
        ),
        pytest.param(
            changed("sm_count", "sm_count = " + TABLE.format(40.5, "count", "x")), "whole number", id="fraction"
        ),
        pytest.param(
            changed("compute_capability", "compute_capability = " + TABLE.format(7.5, "major.minor", "x")),
            "text like",
            id="capability",
        ),
        pytest.param(
            changed("l2_bytes", "l2_bytes = " + TABLE.format(4, "MB", "x").replace('"source",', '"yes",')),
            "l2_bytes: read must be one of source, copy, none",
            id="read",
        ),
        pytest.param(GOOD + "sm_cuont = 3\n", "no such field: sm_cuont", id="unknown field"),
    ],
)
def test_a_broken_file_is_refused_by_name(text, message):
    assert text != GOOD
    with pytest.raises(PluginError) as caught:
        parse_entry(text, "t4.toml")
    assert str(caught.value).startswith("t4.toml: ")
    assert message in str(caught.value)
