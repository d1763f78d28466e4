"""Trees built in several threads, with finalizers in between."""

from __future__ import annotations

import ast
import threading

import pytest

from tilewright.source import syntax

TEXT = "\n".join(f"x{index} = a[{index}] * (b + {index})" for index in range(200))


def test_threads_that_parse_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    plain = ast.parse

    def counted(*args: object, **keywords: object) -> ast.AST:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            return plain(*args, **keywords)  # type: ignore[call-overload, no-any-return]
        finally:
            inside -= 1

    monkeypatch.setattr(ast, "parse", counted)
    threads = [threading.Thread(target=lambda: [syntax.parse(TEXT) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_they_parse_as_ast_does() -> None:
    assert ast.dump(syntax.parse("x = 1\n")) == ast.dump(ast.parse("x = 1\n"))
    assert ast.dump(syntax.parse_expression("a + 1")) == ast.dump(ast.parse("a + 1", mode="eval").body)
    assert syntax.literal("(1, 'a')") == (1, "a")
    with pytest.raises(SyntaxError):
        syntax.parse_expression("a +")
