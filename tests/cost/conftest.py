import pytest
from cost_cases import ADA, BENCHMARK, HOPPER

from tilewright.records.target import Target


@pytest.fixture(scope="session")
def benchmark_module():
    return BENCHMARK


@pytest.fixture(scope="session")
def ada() -> Target:
    return ADA


@pytest.fixture(scope="session")
def hopper() -> Target:
    return HOPPER
