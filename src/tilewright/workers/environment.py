"""The environment of a worker: an allow-list, with private folders for everything that is written."""

from __future__ import annotations

import os
import re
import site
from collections.abc import Mapping
from pathlib import Path

_PASSED = frozenset(
    {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV"}
    | {"CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES"}
    | {"TRITON_DEFAULT_FP_FUSION", "TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH"}
    | {"TRITON_CUOBJDUMP_PATH", "TRITON_NVDISASM_PATH"}
)
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
MARK = "TILEWRIGHT_WORKER"
"""Variable that every process of a worker carries, however it detaches itself; see ``processes.marked``."""


def private_folders(root: Path) -> dict[str, Path]:
    """Folders of one worker below ``root``: variable to folder, each made if missing."""
    folders = {"HOME": root / "home", "TMPDIR": root / "tmp", "TRITON_CACHE_DIR": root / "triton"}
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folders


def worker_environment(root: Path, *, mark: str, threads: int, extra: Mapping[str, str] | None) -> dict[str, str]:
    """Variables of one worker.

    Args:
        root: the worker's private folder.
        mark: value of :data:`MARK`.
        threads: how many threads OpenMP and the BLAS libraries may use.
        extra: the caller's own variables; they win over all others.
    """
    passed = {
        name: value
        for name, value in os.environ.items()
        if (name in _PASSED or name.startswith("TILEWRIGHT_")) and not _SECRET.search(name)
    }
    private = {name: str(folder) for name, folder in private_folders(root).items()}
    count = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    result = passed | private | count | {"PYTHONHASHSEED": "0", "TRITON_HOME": private["HOME"]} | dict(extra or {})
    # HOME is another one, and packages installed with --user must still be found
    result.setdefault("PYTHONUSERBASE", site.getuserbase())
    result["PYTHONPATH"] = _python_path((extra or {}).get("PYTHONPATH", os.environ.get("PYTHONPATH", "")))
    result[MARK] = mark
    return result


def _python_path(given: str) -> str:
    """``given`` with absolute entries (the worker stands in another folder), this package's own place first."""
    own = str(Path(__file__).resolve().parents[2])
    entries = [os.path.abspath(entry) for entry in given.split(os.pathsep) if entry]
    return os.pathsep.join(dict.fromkeys([own, *entries]))
