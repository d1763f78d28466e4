import doctest
import importlib
import pkgutil

import pytest

import tilewright.profiling
import tilewright.source

MODULES = [
    f"{package.__name__}.{found.name}"
    for package in (tilewright.source, tilewright.profiling)
    for found in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_examples_in_docstrings_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
