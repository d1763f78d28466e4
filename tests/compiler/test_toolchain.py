import subprocess
import sys

import pytest

from tilewright.compiler import toolchain
from tilewright.errors import TilewrightError


def test_the_version_is_the_one_that_triton_tells_of_itself():
    import triton

    found = toolchain.installed()
    assert found.triton_version == triton.__version__
    assert found.ptxas_versions
    assert all(version[0].isdigit() for version in found.ptxas_versions)


def test_without_triton_the_error_says_what_to_install(monkeypatch):
    toolchain.installed.cache_clear()
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TilewrightError, match="pip install"):
        toolchain.installed()
    toolchain.installed.cache_clear()


def test_the_parent_imports_neither_torch_nor_triton():
    code = (
        "import sys; from tilewright.compiler import toolchain, build_many; toolchain.installed();"
        "sys.exit(bool({'torch', 'triton'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
