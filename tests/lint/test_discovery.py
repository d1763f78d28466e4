from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from tilewright.errors import PluginError
from tilewright.lint import all_rules
from tilewright.lint.discovery import discover

RULE = '''
from tilewright.lint.rule import Good, Rule
from tilewright.records.finding import Severity

class {cls}(Rule):
    """Why."""

    code = "{code}"
    name = "{name}"
    severity = Severity.ERROR
    examples = (Good("empty", ""),)

    def check(self, file):
        return iter(())
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, types.ModuleType]]:
    name = f"plug_ins_{tmp_path.name}".replace("-", "_")
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder, importlib.import_module(name)
    for module in [item for item in sys.modules if item.startswith(name)]:
        del sys.modules[module]


def test_rules_come_sorted_by_code(package: tuple[Path, types.ModuleType]) -> None:
    folder, module = package
    (folder / "a.py").write_text(RULE.format(cls="A", code="TW999", name="a"))
    (folder / "b.py").write_text(RULE.format(cls="B", code="TW998", name="b"))
    assert [rule.code for rule in discover(module)] == ["TW998", "TW999"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (RULE.format(cls="B", code="TW999", name="b"), "both claim 'TW999'"),
        (RULE.format(cls="B", code="TW998", name="a"), "both claim 'a'"),
        ("import no_such_module_anywhere", "does not import"),
        ("x = 1", "holds no rule"),
        (RULE.format(cls="B", code="", name="b"), "does not declare code"),
    ],
)
def test_a_bad_plug_in_is_loud(package: tuple[Path, types.ModuleType], second: str, message: str) -> None:
    folder, module = package
    (folder / "a.py").write_text(RULE.format(cls="A", code="TW999", name="a"))
    (folder / "b.py").write_text(second)
    with pytest.raises(PluginError, match=message):
        discover(module)


def test_our_own_rules_have_codes_of_one_form() -> None:
    assert all(len(rule.code) == 5 and rule.code[2:].isdigit() for rule in all_rules())
    assert len(all_rules()) >= 25
