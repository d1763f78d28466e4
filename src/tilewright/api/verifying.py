"""Find out whether a candidate computes what a reference, or an original, computes."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from tilewright import __version__, source, targets
from tilewright.api.options import DEFAULT_GPU, Device, Precision, choice, kernel_file
from tilewright.errors import InputError
from tilewright.prove import host, verifier
from tilewright.prove.architectures import parse_architecture
from tilewright.prove.certificate import read_certificate
from tilewright.prove.reference import read_reference_file
from tilewright.records.verification import Claim, Verification
from tilewright.search.operations import operations_of


def verify(
    candidate: str,
    *,
    reference: str | None = None,
    original: str | None = None,
    gpu: str | None = None,
    device: Device | str = Device.NONE,
    precision: Precision | str = Precision.NO_WORSE,
    seed: int | None = None,
    timeout_s: float = 60.0,
    large: bool = False,
    architecture: str | None = None,
    allow_unsandboxed: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> Verification:
    """Find out whether a candidate computes what a reference, or an original, computes.

    Args:
        candidate: kernel file, or prompt document.
        reference: KernelBench file with ``Model``, ``get_inputs`` and ``get_init_inputs``: the oracle, in float64.
        original: the kernel file whose error bounds the candidate's; without one, the reference in its own dtype.
        gpu: name in the catalog of the GPU whose peaks a time is held against.
        device: ``none`` runs everything in Triton's interpreter at small sizes; ``cuda`` also on the GPU.
        precision: see :class:`Precision`.
        seed: of inputs and parameters; ``None`` takes a fresh one that the candidate's author cannot know.
        timeout_s: seconds that all runs of one file may take.
        large: on a GPU, run shapes of more than 2^31 elements too, where its memory allows.
        architecture: on a GPU, compile for this older one, as ``sm_89``, and let the driver take it from there;
            ``None``: the GPU's own.
        allow_unsandboxed: run the files also where nothing confines them.
        on_step: told what is being done, in a few words.

    Raises:
        InputError: a file, or an option, cannot be used.
    """
    claim = _claim(candidate, reference, original, precision)
    return _verify(claim, gpu, device, seed, timeout_s, large, architecture, allow_unsandboxed, on_step)


def verify_certificate(
    path: str,
    *,
    candidate: str | None = None,
    gpu: str | None = None,
    device: Device | str = Device.NONE,
    seed: int | None = None,
    timeout_s: float | None = None,
    large: bool = False,
    architecture: str | None = None,
    allow_unsandboxed: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> Verification:
    """Repeat what a certificate says, from the files in it, on this machine.

    Args:
        path: the certificate.
        candidate: the file that it is to be about; its text must be the certificate's.
        gpu: see :func:`verify`.
        device: see :func:`verify`.
        seed: ``None`` takes the certificate's.
        timeout_s: ``None`` takes the certificate's.
        large: see :func:`verify`.
        architecture: see :func:`verify`; the certificate's is not looked at, as its device is not.
        allow_unsandboxed: see :func:`verify`.
        on_step: see :func:`verify`.

    Raises:
        InputError: the certificate was changed or cannot be read, or is about another candidate.
    """
    given = None if candidate is None else kernel_file(candidate)
    found = read_certificate(path, candidate=given)
    for file in (found.claim.candidate, found.claim.original):
        if file is not None:
            source.read_kernel_file(file.path, file.text, file.first_line)
    seed, timeout_s = found.seed if seed is None else seed, found.timeout_s if timeout_s is None else timeout_s
    return _verify(found.claim, gpu, device, seed, timeout_s, large, architecture, allow_unsandboxed, on_step)


class Verifier:
    """Verify many candidates: processes stay warm, and a reference runs once.

    ``with Verifier() as verifier: verifier.verify("kernel.py", reference="reference.py")``. A candidate's processes
    serve another one only if nothing was seen of it but numbers, right or wrong; :func:`verify` never shares any.
    """

    def __init__(
        self,
        *,
        gpu: str | None = None,
        device: Device | str = Device.NONE,
        allow_unsandboxed: bool = False,
        large: bool = False,
        architecture: str | None = None,
        many: bool = True,
        workers: int | None = None,
        memory_fraction: float = 0.7,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        """Make a verifier; its processes start with the ``with`` block.

        Args:
            gpu: see :func:`verify`, as are all the others.
            device: see :func:`verify`.
            allow_unsandboxed: see :func:`verify`.
            large: see :func:`verify`.
            architecture: see :func:`verify`.
            many: whether to keep fresh processes ready for the next candidate.
            workers: processes that share one candidate's calls; ``None``: one for every two processors, eight at most.
            memory_fraction: part of a GPU's memory that each of a candidate's processes may take.
            on_step: see :func:`verify`.

        Raises:
            InputError: an option cannot be used here.
        """
        where = choice(Device, device, "--device")
        target = targets.load(gpu or DEFAULT_GPU)
        capability = None if architecture is None else parse_architecture(architecture)
        if capability is not None and where is Device.NONE:
            what = f"--architecture {architecture}: nothing is compiled without a GPU"
            raise InputError(f"{what}; use --device cuda, or leave --architecture away")
        if where is Device.CUDA and not host.gpu_is_visible():
            raise InputError("--device cuda: no CUDA device is visible here; use --device none")
        self._verifier = verifier.Verifier(
            target=target,
            version=__version__,
            gpu=None if gpu is None else target.name,
            device=where.value,
            sandbox=host.require_confinement(allow_unsandboxed=allow_unsandboxed),
            large=large,
            many=many,
            workers=workers,
            memory_fraction=memory_fraction,
            architecture=capability,
            operations_of=operations_of,
            say=on_step or (lambda step: None),
        )

    def __enter__(self) -> Verifier:
        self._verifier.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._verifier.__exit__()

    def verify(
        self,
        candidate: str,
        *,
        reference: str | None = None,
        original: str | None = None,
        precision: Precision | str = Precision.NO_WORSE,
        seed: int | None = None,
        timeout_s: float = 60.0,
    ) -> Verification:
        """Find out whether a candidate computes what a reference, or an original, computes; see :func:`verify`."""
        return self.verify_claim(_claim(candidate, reference, original, precision), seed=seed, timeout_s=timeout_s)

    def verify_claim(self, claim: Claim, *, seed: int | None, timeout_s: float) -> Verification:
        """Verify files that have been read."""
        if not (isfinite(timeout_s) and timeout_s > 0):
            raise InputError(f"--timeout {timeout_s:g}: no time to run anything; give seconds above 0")
        if seed is not None and not 0 <= seed < 1 << 64:
            raise InputError(f"--seed {seed}: out of range; give a whole number from 0 to 2**64 - 1")
        return self._verifier.verify(claim, seed=seed, timeout_s=timeout_s)


def _claim(candidate: str, reference: str | None, original: str | None, precision: Precision | str) -> Claim:
    wanted = choice(Precision, precision, "--precision")
    if reference is None and original is None:
        raise InputError("nothing to verify against; give --reference, --original or both")
    return Claim(
        candidate=kernel_file(candidate),
        reference=None if reference is None else read_reference_file(reference),
        original=None if original is None else kernel_file(original),
        precision=wanted.value,
    )


def _verify(
    claim: Claim,
    gpu: str | None,
    device: Device | str,
    seed: int | None,
    timeout_s: float,
    large: bool,
    architecture: str | None,
    allow_unsandboxed: bool,
    on_step: Callable[[str], None] | None,
) -> Verification:
    one = Verifier(
        gpu=gpu,
        device=device,
        allow_unsandboxed=allow_unsandboxed,
        large=large,
        architecture=architecture,
        many=False,
        on_step=on_step,
    )
    with one:
        return one.verify_claim(claim, seed=seed, timeout_s=timeout_s)
