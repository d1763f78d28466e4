"""The quick readers see what LibCST's own visitors see."""

import libcst as cst
import pytest

from tilewright.source import tree
from tilewright.source.walk import inspect, walk

TEXT = '''import torch as t

@t.jit(lambda: 1)
class A(B, metaclass=C):
    """Text."""

    def f(self, x: int = 3, *rest, **more) -> "D":
        with open(x) as file, other:
            y = [(i, j := i) for i in x if i]  # a comment
        if x and not y: z = x[1:2, ...]; del z
        elif f"{x!r:>{y}}": raise E from None
        else:
            while (x): x += await_(-y.z)
        return x if y else lambda q: q
'''


class _Seen(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def visit_Name(self, node: cst.Name) -> None:
        self.names.append(node.value)


class _Places(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.log.append(f"+{node.name.value}")

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self.log.append(f"-{original_node.name.value}")

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.log.append(f"+{node.name.value}")
        return False

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self.log.append(f"-{original_node.name.value}")


def test_every_name_is_seen():
    module = cst.parse_module(TEXT)
    theirs, ours = _Seen(), _Seen()
    module.visit(theirs)
    inspect(module, ours)
    assert sorted(ours.names) == sorted(theirs.names)
    assert sorted(node.value for node in walk(module) if isinstance(node, cst.Name)) == sorted(theirs.names)


def test_entering_can_be_refused_and_leaving_is_told():
    module = cst.parse_module(TEXT)
    theirs, ours = _Places(), _Places()
    module.visit(theirs)
    inspect(module, ours)
    assert ours.log == theirs.log == ["+A", "+f", "-f", "-A"]


def test_replacing_one_node_keeps_all_other_text():
    module = cst.parse_module(TEXT)
    old = next(node for node in walk(module) if isinstance(node, cst.Integer) and node.value == "3")
    assert tree.replace_node(module, old, cst.Integer("4")).code == TEXT.replace("= 3", "= 4")


def test_a_transformer_sees_only_the_statement_that_holds_the_node():
    class Renamed(cst.CSTTransformer):
        def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
            return updated_node.with_changes(value="z")

    module = cst.parse_module("a = 1\nb = 1\n")
    changed = tree.transform_around(module, module.body[1], Renamed())
    assert changed.code == "a = 1\nz = 1\n"


def test_equal_texts_share_one_tree_and_answers_are_the_callers_own():
    module = tree.parse("import os\n")
    assert tree.parse("import os\n") is module
    tree.import_names(module)["os"] = "changed"
    tree.names_read(module).add("changed")
    assert tree.import_names(module) == {"os": "os"}
    assert tree.names_read(module) == set()


@pytest.mark.parametrize("text", ["x = (", "def f(:\n", "x = '\n"])
def test_a_fault_is_told_each_time(text):
    for _ in range(2):
        with pytest.raises(Exception, match="not valid Python"):
            tree.parse(text, "a.py")
