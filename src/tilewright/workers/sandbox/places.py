"""Which parts of the file system a confined worker may see."""

from __future__ import annotations

import glob
import os
import site
import sys
from collections.abc import Iterable
from pathlib import Path

_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/sys", "/nix/store", "/gnu/store"),
    *("/run/opengl-driver", "/run/opengl-driver-32", "/run/current-system", "/run/nvidia"),
)
# Not the whole of /etc: where the worker runs as root, that holds secrets.
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "alternatives", "localtime", "timezone"),
    *("passwd", "group", "nsswitch.conf", "hosts", "host.conf", "os-release", "debian_version", "mime.types"),
    *("nvidia", "OpenCL", "ssl/openssl.cnf", "ssl/certs", "locale.alias", "protocols", "services", "python*"),
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
_GPU_DEVICES = ("/dev/nvidia*", "/dev/dxg", "/dev/nvhost*", "/dev/nvmap")
_FOLDER_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PROGRAM_VARIABLES = ("TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH", "TRITON_CUOBJDUMP_PATH")
VARIABLES = (*_FOLDER_VARIABLES, *_PROGRAM_VARIABLES)
"""Variables of the environment that name places to read."""


def gpu_devices() -> list[str]:
    """Device files of the GPUs; folders of them too."""
    return sorted(path for pattern in _GPU_DEVICES for path in glob.glob(pattern))


def devices() -> list[str]:
    """All device files that a worker may use."""
    return [*(f"/dev/{name}" for name in _DEVICES), *gpu_devices()]


def readable() -> list[str]:
    """Existing places that this interpreter and its packages are made of, and the system's programs and libraries.

    The home folder, the temporary folder (where other workers have theirs) and the working folder of the parent are not
    among them, unless a package was installed right there.
    """
    etc = [path for name in _ETC for path in glob.glob(f"/etc/{name}")]
    named = [entry for name in _FOLDER_VARIABLES for entry in os.environ.get(name, "").split(os.pathsep)]
    programs = [os.path.dirname(os.environ.get(name, "")) for name in _PROGRAM_VARIABLES]
    users = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *_interpreters()]
    found = [*_SYSTEM, *etc, *named, *programs, *python, *users, *sys.path, *_editable()]
    return _existing(path for path in found if os.path.isabs(path) and os.path.realpath(path) != "/")


def _interpreters() -> list[str]:
    """Where the interpreter lies, along each symbolic link on the way to its real place."""
    path, found = sys.executable, []
    for _ in range(10):
        found.append(str(Path(path).parent.parent))
        if not os.path.islink(path):
            break
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return found


def _editable() -> list[str]:
    """Packages installed for editing, whose finders map names to folders without an entry in ``sys.path``."""
    maps = [getattr(module, "MAPPING", None) for name, module in sys.modules.items() if name.startswith("__editable__")]
    return [str(path) for each in maps if isinstance(each, dict) for path in each.values()]


def _existing(paths: Iterable[str]) -> list[str]:
    """``paths`` that exist, each once, without those that lie in another."""
    kept: list[str] = []
    for path in sorted(dict.fromkeys(os.path.normpath(path) for path in paths)):
        if os.path.exists(path) and not any(path.startswith(other + "/") for other in kept):
            kept.append(path)
    return kept


if __name__ == "__main__":
    print("\0".join(readable()), end="")
