"""TW810."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_CALLS = frozenset(
    {"torch.cuda.cudart", "torch.cuda.set_per_process_memory_fraction", "torch.cuda.set_sync_debug_mode"}
    | {
        "torch.cuda.caching_allocator_alloc",
        "torch.cuda.caching_allocator_delete",
        "torch.cuda.caching_allocator_enable",
    }
    | {
        "torch.cuda.change_current_allocator",
        "torch.cuda.set_stream",
        "torch.cuda.set_rng_state",
        "torch.set_rng_state",
    }
    | {"torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.set_num_threads", "torch.set_flush_denormal"}
    | {"torch.set_num_interop_threads", "torch.set_default_tensor_type", "torch.autograd.set_detect_anomaly"}
    | {"torch.set_warn_always", "torch.set_printoptions", "torch.cuda.use_mem_pool", "torch.cuda.MemPool"}
    | {"torch.utils.deterministic.fill_uninitialized_memory"}
)
_PREFIXES = ("torch.cuda.memory.", "torch.backends.", "torch.cuda.tunable.", "torch.random.", "torch.cuda.random.")
_READ = ("is_", "get_", "memory_", "max_memory", "mem_get_info", "version", "fork_rng", "initial_seed", "_enabled")
_DRIVER = ("cudaDeviceSetLimit", "cudaCtxResetPersistingL2Cache", "cuCtxSetLimit", "cudaStreamSetAttribute")


class DeviceSettings(Rule):
    """Limits of the device, the allocator, persisting L2 lines and PyTorch's switches outlive the call: the next
    kernel, and the reference, run in another world.
    """

    code = "TW810"
    name = "device-settings"
    severity = Severity.ERROR
    examples = (
        Good(
            "question", HEADER + "def run(x):\n    return torch.cuda.get_device_properties(0).multi_processor_count\n"
        ),
        Good("descriptor-memory", HEADER + "triton.set_allocator(lambda n, a, s: torch.empty(n, device='cuda'))\n"),
        Good("read-switch", HEADER + "def run(x):\n    return torch.backends.cuda.is_built()\n"),
        Bad("limit", HEADER + "torch.cuda.cudart().cudaDeviceSetLimit(6, 1)\n", "`torch.cuda.cudart`", line=7),
        Bad("driver", HEADER + "def run(lib):\n    lib.cudaCtxResetPersistingL2Cache()\n", "PersistingL2", line=8),
        Bad("kernels-of-torch", HEADER + "torch.backends.cuda.enable_flash_sdp(False)\n", "enable_flash_sdp", line=7),
        Bad("allocator", HEADER + "torch.cuda.memory.change_current_allocator(None)\n", "allocator", line=7),
        Bad("threads", HEADER + "def run(x):\n    torch.set_num_threads(64)\n", "`torch.set_num_threads`", line=8),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at every call."""
        for node in file.tree.nodes:
            if not isinstance(node, cst.Call):
                continue
            full, last = file.resolve(node.func), dotted(node.func).rpartition(".")[2]
            asked = full.startswith(_PREFIXES) and not last.startswith(_READ) and not last.endswith(_READ)
            driver = isinstance(node.func, cst.Attribute) and node.func.attr.value in _DRIVER
            inner = isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Call)
            # cudart().cudaDeviceSetLimit() is one fault, told of at the inner call
            if full in _CALLS or asked or (driver and not inner):
                name = dotted(node.func) or last
                yield Report(node, f"`{name}` changes the device or PyTorch beyond this call; leave it")
