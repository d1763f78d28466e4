import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.errors import PluginError, UnknownGpuError
from tilewright.targets import differences, load, names
from tilewright.targets.loader import GIVEN, entries, index, normalise


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("4090", "rtx4090"),
        ("rtx4090", "rtx4090"),
        ("RTX 4090", "rtx4090"),
        ("rtx-4090", "rtx4090"),
        ("GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("  nvidia geforce rtx 4090  ", "rtx4090"),
        ("H100", "h100-sxm"),
        ("h100 pcie", "h100-pcie"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("A100", "a100-80"),
        ("NVIDIA A100-SXM4-40GB", "a100-40"),
        ("A100 40GB", "a100-40"),
        ("RTX 6000 Ada", "rtx6000ada"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx6000ada"),
        ("Tesla T4", "t4"),
        ("NVIDIA T4", "t4"),
        ("Tesla V100-SXM2-16GB", "v100"),
    ],
)
def test_names_as_people_write_them(written, meant):
    assert load(written).name == meant


def test_no_two_gpus_share_a_name():
    index(entries())
    clash = {"rtx4090": entries()["rtx4090"], "l4": entries()["rtx4090"]}
    with pytest.raises(PluginError, match=r"l4\.toml: .* already means rtx4090"):
        index(clash)


@given(st.sampled_from([(n, a) for n, e in entries().items() for a in (n, e.target.title, *e.aliases)]), st.data())
def test_case_and_spacing_never_matter(pair, data):
    name, alias = pair
    letters = [data.draw(st.sampled_from([c.lower(), c.upper()])) for c in alias]
    assert load("".join(letters)).name == name
    assert load(f" {alias.replace(' ', '  ')} ").name == name


@pytest.mark.parametrize(
    ("written", "near"), [("4080", "rtx4090"), ("h10O", "h100-sxm"), ("RTX 5080", "rtx5090"), ("l40", "l40s")]
)
def test_an_unknown_gpu_names_the_nearest(written, near):
    with pytest.raises(UnknownGpuError) as caught:
        load(written)
    error = pickle.loads(pickle.dumps(caught.value))
    assert near in error.nearest
    assert len(error.nearest) <= 3
    assert set(error.nearest) <= set(names())
    assert written in str(error)
    assert "\n" not in str(error)


@given(st.text(max_size=30))
def test_any_text_is_a_gpu_or_an_unknown_one(text):
    known = {normalise(a) for n, e in entries().items() for a in (n, e.target.title, *e.aliases)}
    if normalise(text) in known:
        assert load(text).name in names()
    else:
        with pytest.raises(UnknownGpuError) as caught:
            load(text)
        assert caught.value.name == text


def test_normalise_keeps_what_tells_gpus_apart():
    assert normalise("NVIDIA GeForce RTX 4090") == normalise("rtx-4090") == "rtx4090"
    assert normalise("RTX 4090 Ti") != normalise("RTX 4090")


def test_a_given_number_wins_and_says_so():
    target = load("4090", {"dram_gb_per_s": 1000.0, "sm_count": 114})
    assert (target.dram_gb_per_s, target.sm_count) == (1000.0, 114)
    assert target.sources["sm_count"] == GIVEN
    assert target.sources["l2_bytes"] == load("4090").sources["l2_bytes"] != GIVEN
    assert load("4090").sm_count == 128


def test_an_override_of_no_field_is_refused():
    with pytest.raises(ValueError, match="sm_cuont"):
        load("4090", {"sm_cuont": 1})


def test_differences_are_worded_in_the_order_of_the_fields():
    given_numbers = {
        "l2_bytes": 48 * 2**20,
        "name": "4090",
        "architecture": "ada lovelace",
        "sm_count": 128,
        "compute_capability": [8, 6],
        "dram_gb_per_s": 1008,
        "tf32_tflops": 82.58,
    }
    assert differences(load("4090"), given_numbers) == (
        "compute_capability: 8.6 given, 8.9 in the catalog (rtx4090)",
        "tf32_tflops: 82.58 given, 82.6 in the catalog (rtx4090)",
        "l2_bytes: 50,331,648 given, 75,497,472 in the catalog (rtx4090)",
    )
    assert differences(load("t4"), {"tf32_tflops": 1.0}) == ("tf32_tflops: 1 given, none in the catalog (t4)",)
    assert differences(load("4090"), {}) == ()
