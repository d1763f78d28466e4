import pytest

from tilewright.source import insert_before, rename, replace_kernel

TEXT = "import triton\n\n\n# the kernel\n@triton.jit\ndef k(x): pass\n\n\ndef run(x):\n    k[(1,)](x)\n"


def test_a_kernel_goes_with_its_decorators_and_keeps_its_place():
    after = replace_kernel(TEXT, "k", "@triton.autotune(configs=[], key=[])\n@triton.jit\ndef k(x, n):\n    pass")
    assert after == TEXT.replace(
        "@triton.jit\ndef k(x): pass\n", "@triton.autotune(configs=[], key=[])\n@triton.jit\ndef k(x, n):\n    pass\n"
    )


def test_a_comment_of_its_own_replaces_the_old_one():
    after = replace_kernel(TEXT, "k", "# new\ndef k(x): return")
    assert after == TEXT.replace("# the kernel\n@triton.jit\ndef k(x): pass\n", "# new\ndef k(x): return\n")


def test_several_statements_may_take_its_place():
    after = replace_kernel(TEXT, "k", "def h(x): pass\n\n\ndef k(x): h(x)\n")
    assert "# the kernel\ndef h(x): pass\n\n\ndef k(x): h(x)\n\n\ndef run" in after


def test_insert_before_a_definition_keeps_its_comment():
    after = insert_before(TEXT, "k", "# helper\ndef h(x): pass")
    assert after == TEXT.replace("# the kernel", "# helper\ndef h(x): pass\n\n\n# the kernel")
    assert insert_before("def f(): pass\n", "f", "A = 1\nB = 2") == "A = 1\nB = 2\n\n\ndef f(): pass\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def k(): pass\nx = k\ny = k.a.k\n", "def z(): pass\nx = z\ny = z.a.k\n"),
        ("k = 1\ndef f():\n    return k\n", "z = 1\ndef f():\n    return z\n"),
        ("k = 1\ndef f(k):\n    return k\n", "z = 1\ndef f(k):\n    return k\n"),
        ("k = 1\ndef f():\n    k = 2\n    return k\n", "z = 1\ndef f():\n    k = 2\n    return k\n"),
        ("k = 1\nf(k=k)\nx.k = k\n", "z = 1\nf(k=z)\nx.k = z\n"),
        ("class k: pass\nk[(1,)]()\n", "class z: pass\nz[(1,)]()\n"),
    ],
)
def test_rename_follows_the_scope(before, after):
    assert rename(before, "k", "z") == after


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda: replace_kernel(TEXT, "absent", "def absent(): pass"), id="replace"),
        pytest.param(lambda: replace_kernel(TEXT, "k", "\n"), id="replace-by-nothing"),
        pytest.param(lambda: insert_before(TEXT, "absent", "x = 1"), id="insert"),
        pytest.param(lambda: insert_before(TEXT, "k", "  "), id="insert-nothing"),
        pytest.param(lambda: rename(TEXT, "absent", "z"), id="rename"),
        pytest.param(lambda: rename(TEXT, "k", "run"), id="rename-to-taken"),
    ],
)
def test_edits_of_what_is_not_there_are_refused(edit):
    with pytest.raises(ValueError, match=r"absent|nothing|taken"):
        edit()
