import pytest
from cost_cases import ADA
from hypothesis import given
from hypothesis import strategies as st

from tilewright.cost import occupancy


def test_the_seed_on_the_4090_has_one_program_for_want_of_shared_memory(ada):
    # Nsight Compute read sm__warps_active 8.33 % for this kernel: 65,536 bytes, 4 warps.
    found = occupancy(ada, num_warps=4, registers_per_thread=128, shared_bytes=65536)
    assert found.programs_per_sm == 1
    assert found.warps_per_sm == 4
    assert round(100 * found.fraction, 2) == 8.33
    assert found.limited_by == "shared_memory"
    assert found.limits["registers"] == 4


def test_the_seed_on_the_h200_has_two_programs_as_the_profiler_counted(hopper):
    found = occupancy(hopper, num_warps=4, registers_per_thread=111, shared_bytes=98304)
    assert found.limits["shared_memory"] == 2
    assert found.programs_per_sm == 2
    assert 100 * found.fraction == 12.5


def test_32_kib_leaves_room_for_three_programs_on_ada(ada):
    # 3 * (32,768 + 1,024) = 101,376 of 102,400; Nsight Compute read 23.99 % of 25 % for such kernels.
    assert occupancy(ada, num_warps=4, registers_per_thread=94, shared_bytes=32768).programs_per_sm == 3


@pytest.mark.parametrize(
    ("registers", "warps", "programs"),
    [(32, 4, 12), (255, 4, 2), (255, 8, 1), (128, 8, 2), (168, 4, 3), (169, 4, 2), (40, 4, 12)],
)
def test_registers_are_given_to_warps_in_units_of_256(ada, registers, warps, programs):
    found = occupancy(ada, num_warps=warps, registers_per_thread=registers, shared_bytes=0)
    assert found.programs_per_sm == programs


def test_a_program_that_asks_too_much_does_not_fit(ada):
    assert occupancy(ada, num_warps=4, registers_per_thread=64, shared_bytes=101377).programs_per_sm == 0
    assert occupancy(ada, num_warps=4, registers_per_thread=64, shared_bytes=101376).programs_per_sm == 1
    assert occupancy(ada, num_warps=64, registers_per_thread=32, shared_bytes=0).programs_per_sm == 0
    assert occupancy(ada, num_warps=16, registers_per_thread=255, shared_bytes=0).programs_per_sm == 0


def test_negative_counts_are_refused(ada):
    with pytest.raises(ValueError, match="registers_per_thread"):
        occupancy(ada, num_warps=4, registers_per_thread=-1, shared_bytes=0)


@given(
    warps=st.sampled_from([1, 2, 4, 8, 16, 32]),
    registers=st.integers(1, 255),
    shared=st.integers(0, 101376),
)
def test_what_fits_never_exceeds_the_sm(warps, registers, shared):
    ada = ADA
    found = occupancy(ada, num_warps=warps, registers_per_thread=registers, shared_bytes=shared)
    programs = found.programs_per_sm
    assert programs == min(found.limits.values()) == found.limits[found.limited_by]
    assert programs * warps <= ada.max_warps_per_sm
    assert programs * (shared + 1024) <= ada.shared_bytes_per_sm
    assert programs * warps * 32 * registers <= ada.registers_per_sm
    assert 0.0 <= found.fraction <= 1.0
