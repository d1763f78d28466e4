"""B through registers: where it is legal and offered, what it costs, and what a compiler makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from emit_cases import laid_out, launch, lifted, plain, source

from tilewright import targets
from tilewright.capture import PRELOAD, capture
from tilewright.compiler import BuildJob, build_many
from tilewright.cost import estimate, guess
from tilewright.families import contraction
from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.registers import REGISTERS
from tilewright.records.algorithm import Operand
from tilewright.records.build import Build
from tilewright.records.launch import TensorArgument, TensorSpec
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted
from tilewright.source import parse_inputs

H200 = targets.load("h200")
TILE = {"block_m": 128, "block_n": 128, "block_k": 32, "num_warps": 4, "num_stages": 3}
LARGE = {"block_m": 128, "block_n": 256, "block_k": 32, "num_warps": 8, "num_stages": 4}
THROUGH = {"a_layout": "k_major", "b_layout": REGISTERS, "descriptors": True}
COPIED = {"a_layout": "k_major", "b_layout": "k_major", "descriptors": True}
GROUPED = {"program_order": "grouped", "group_m": 8}

