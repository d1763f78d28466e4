import json
from pathlib import Path

import pytest

from tilewright.errors import MetricsError
from tilewright.profiling import metrics_from_mapping, name_notes, read_metrics

LONG = """==WARNING== Note: Running with unmodified GPU clocks.
==PROF== Connected to process 519 (/usr/bin/python3)
epoch 1, loss 0.5, "quoted, text"
"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","Section Name","Metric Name","Metric Unit","Metric Value"
"0","519","python3","127.0.0.1","mm","1","7","(128, 1, 1)","(32, 64, 1)","0","9.0","Command line profiler metrics","gpu__time_duration.sum","usecond","2,605.504"
hello from the program
"0","519","python3","127.0.0.1","mm","1","7","(128, 1, 1)","(32, 64, 1)","0","9.0","Command line profiler metrics","launch__grid_size","","2,048"
"0","519","python3","127.0.0.1","mm","1","7","(128, 1, 1)","(32, 64, 1)","0","9.0","Command line profiler metrics","dram__bytes_read.sum","Mbyte","67.11"
"0","519","python3","127.0.0.1","mm","1","7","(128, 1, 1)","(32, 64, 1)","0","9.0","Command line profiler metrics","lts__t_sector_hit_rate.pct","%","n/a"
"1","519","python3","127.0.0.1","vectorized_elementwise_kernel","1","7","(128, 1, 1)","(1, 1, 1)","0","9.0","Command line profiler metrics","gpu__time_duration.sum","ns","12"
==PROF== Disconnected from process 519
"""  # noqa: E501
RAW = """==PROF== Profiling "mm" - 0: 0%....100% - 2 passes
"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","gpu__time_duration.sum","dram__bytes_read.sum.per_second","lts__t_sector_hit_rate.pct","launch__func_cache_config","odd__metric.sum"
"","","","","","","","","","","","us","Gbyte/second","%","","Zinst"
"0","1","python3","h","mm","1","7","(128, 1, 1)","(2, 1, 1)","0","8.9","1,000.00","1.5","90","CachePreferNone","7"
"1","1","python3","h","mm","1","7","(128, 1, 1)","(2, 1, 1)","0","8.9","3,000.00","0.5","50","CachePreferNone","7"
"""  # noqa: E501


def write(tmp_path: Path, text: str, name: str = "m.csv") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_long_layout_with_noise_around_it(tmp_path):
    path = write(tmp_path, LONG)
    profile = read_metrics(path, ("mm", "helper"))
    assert profile.metrics == {
        "mm": {"gpu__time_duration.sum": 2605504.0, "launch__grid_size": 2048.0, "dram__bytes_read.sum": 67110000.0}
    }
    assert profile.origin == path
    assert any("lts__t_sector_hit_rate.pct has no value (n/a)" in note for note in profile.notes)
    assert any("1 launches of 1 other kernels" in note for note in profile.notes)


def test_the_raw_layout_weights_by_time(tmp_path):
    profile = read_metrics(write(tmp_path, RAW), ("mm",))
    assert profile.metrics["mm"] == {
        "gpu__time_duration.sum": 2e6,
        "dram__bytes_read.sum.per_second": pytest.approx((1.5e9 * 1 + 0.5e9 * 3) / 4),
        "lts__t_sector_hit_rate.pct": pytest.approx(60.0),
        "odd__metric.sum": 7.0,
    }
    assert any("2 launches combined, weighted by time" in note for note in profile.notes)
    assert any("'Zinst'" in note for note in profile.notes)


def test_section_tables_are_read_by_their_labels(tmp_path):
    text = (
        '"ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"\n'
        '"0","mm","Speed","Memory Throughput","%","40.5"\n"0","mm","Memory","Memory Throughput","Gbyte/second","800"\n'
        '"0","mm","Launch","Registers Per Thread","register/thread","128"\n"0","mm","Launch","Duration","ms","1.5"\n'
        '"0","mm","Launch","Function Cache Configuration","","CachePreferNone"\n'
    )
    assert read_metrics(write(tmp_path, text), ("mm",)).metrics["mm"] == {
        "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed": 40.5,
        "launch__registers_per_thread": 128.0,
        "gpu__time_duration.sum": 1.5e6,
    }


def test_json_by_kernel(tmp_path):
    text = json.dumps({"mm": {"launch__grid_size": 12, "a__b.pct": None}, "k": [{"a__b.pct": 1}, {"a__b.pct": 3}]})
    profile = read_metrics(write(tmp_path, "\ufeff" + text, "m.json"), ("mm", "k"))
    assert profile.metrics == {"mm": {"launch__grid_size": 12.0}, "k": {"a__b.pct": 2.0}}
    assert any("plain mean; no time is given" in note for note in profile.notes)
    assert any("mm: a__b.pct has no value" in note for note in profile.notes)


def test_a_kernel_named_twice_in_json_is_two_launches(tmp_path):
    text = '{"mm": {"launch__grid_size": 1}, "mm": {"launch__grid_size": 3}}'
    profile = read_metrics(write(tmp_path, text, "m.json"), ("mm",))
    assert profile.metrics == {"mm": {"launch__grid_size": 2.0}}
    assert any("different grids, 1 to 3 programs" in note for note in profile.notes)


@pytest.mark.parametrize("shown", ["mm", "mm(float*, int)", "void mm(float*)", "mm_0d1d2de3"])
def test_names_as_profilers_show_them(shown):
    assert metrics_from_mapping({shown: {"a__b": 1}}, ("mm", "m")).metrics == {"mm": {"a__b": 1.0}}


def test_names_that_exist_on_no_chip_are_kept_out():
    name = "smsp__warp_issue_stalled_memory_dependency_per_warp_active.pct"
    profile = metrics_from_mapping({"mm": {name: 12.0, "a__b": 1}}, ("mm",))
    assert profile.metrics == {"mm": {"a__b": 1.0}}
    assert any(name in note and "long_scoreboard" in note for note in profile.notes)
    assert name_notes(["sm__throughput.avg.pct_of_peak_sustained_elapsed"]) == ()
    assert "theoretical" in name_notes(["sm__maximum_warps_per_active_cycle_pct"])[0]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        pytest.param("", ":1:", ["empty"], id="empty"),
        pytest.param("hello\n", ":1:", ["not JSON"], id="prose"),
        pytest.param('{\n"mm": {"a": }}', ":2:", ["not JSON"], id="broken-json"),
        pytest.param("[1]", ":1:", ["a list"], id="json-list"),
        pytest.param('{\n"mm": {},\n"other": {}}', ":3:", ["'other'", "it holds mm, k"], id="json-other-kernel"),
        pytest.param(LONG.replace('"mm"', '"zz"'), ":5:", ["'zz'", "the file holds mm, k"], id="csv-other-kernels"),
        pytest.param(LONG.replace("2,048", "many"), ":7:", ["launch__grid_size", "'many'"], id="csv-number"),
        pytest.param("==ERROR== ERR_NVGPUCTRPERM\n", ":1:", ["permission"], id="no-permission"),
        pytest.param("==PROF== done\n", ":1:", ["no header"], id="no-header"),
        pytest.param(LONG.replace(',"","2,048"', ""), ":7:", ["13 cells", "15"], id="cut-row"),
    ],
)
def test_bad_input_names_file_and_line(tmp_path, text, place, words):
    path = write(tmp_path, text)
    with pytest.raises(MetricsError) as caught:
        read_metrics(path, ("mm", "k"))
    message = str(caught.value)
    assert message.startswith(path + place)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MetricsError, match="no such file"):
        read_metrics(str(tmp_path / "absent.csv"), ("mm",))


@pytest.mark.parametrize("value", [{"mm": 1}, {"mm": {"a": "x"}}, {"mm": {"a": True}}, {"zz": {}}, {"mm": [1]}])
def test_bad_mappings(value):
    with pytest.raises(MetricsError):
        metrics_from_mapping(value, ("mm",))
