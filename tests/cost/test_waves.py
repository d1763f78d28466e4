import pytest

from tilewright.cost import occupancy, waves


def test_the_seed_fills_sixteen_waves_of_the_4090(ada):
    one = occupancy(ada, num_warps=4, registers_per_thread=128, shared_bytes=65536)
    found = waves(ada, one, 2048)
    assert (found.programs_per_wave, found.waves, found.efficiency) == (128, 16.0, 1.0)


def test_the_seed_on_the_h200_counts_waves_as_the_profiler_does(hopper):
    two = occupancy(hopper, num_warps=4, registers_per_thread=111, shared_bytes=98304)
    assert round(waves(hopper, two, 2048).waves, 2) == 7.76


def test_one_program_too_many_costs_a_wave(ada):
    one = occupancy(ada, num_warps=4, registers_per_thread=128, shared_bytes=65536)
    assert waves(ada, one, 129).efficiency == pytest.approx(129 / 256)
    with pytest.raises(ValueError, match="programs=0"):
        waves(ada, one, 0)
