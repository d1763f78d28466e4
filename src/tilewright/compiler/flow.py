"""Control flow of machine code: basic blocks, dominators and natural loops.

An address range between a branch and its target is not a loop by itself: compilers move waiting loops and rare paths
behind the kernel's end and jump back from there. A natural loop (its head dominates the branch back) is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilewright.compiler.sass import Instruction

_ENDS = frozenset({"EXIT", "RET", "BRX", "JMX", "KILL"})
_BRANCHES = frozenset({"BRA", "JMP"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A natural loop: the instructions between its head and its branches back."""

    head: int
    """Address of its first instruction."""
    members: frozenset[int]
    """Addresses of all its instructions, those of inner loops included."""


def find_loops(code: Sequence[Instruction]) -> tuple[Loop, ...]:
    """Return the natural loops of one function, in the order of their heads. Loops that share a head are one."""
    blocks = _blocks(code)
    if not blocks:
        return ()
    edges = _edges(code, blocks)
    entry = len(blocks)
    edges.append(_entries(edges))
    order = _reverse_postorder(edges, entry)
    dominator = _dominators(edges, order)
    back: dict[int, list[int]] = {}
    for source in order:
        for head in edges[source]:
            if _dominates(dominator, head, source):
                back.setdefault(head, []).append(source)
    before = _predecessors(edges, order)
    loops = []
    for head, sources in sorted(back.items()):
        members = [code[i] for block in _body(head, sources, before) for i in range(*blocks[block])]
        if any(instruction.counts for instruction in members):  # else the trap behind the end of every kernel
            addresses = frozenset(instruction.address for instruction in members)
            loops.append(Loop(head=code[blocks[head][0]].address, members=addresses))
    return tuple(loops)


def _blocks(code: Sequence[Instruction]) -> list[tuple[int, int]]:
    """Cut the code into basic blocks: index ranges that are entered at the first and left at the last instruction."""
    if not code:
        return []
    index = {instruction.address: i for i, instruction in enumerate(code)}
    starts = {0}
    for i, instruction in enumerate(code):
        if instruction.target is not None and instruction.target in index:
            starts.add(index[instruction.target])
        if instruction.stem in _BRANCHES or instruction.stem in _ENDS or instruction.stem == "BSYNC":
            starts.add(i + 1)
    cuts = sorted(start for start in starts if start < len(code))
    return list(zip(cuts, [*cuts[1:], len(code)], strict=True))


def _edges(code: Sequence[Instruction], blocks: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    at = {code[start].address: number for number, (start, _) in enumerate(blocks)}
    meeting: dict[str, set[int]] = {}
    for instruction in code:
        if instruction.stem == "BSSY" and instruction.target is not None:
            meeting.setdefault(instruction.operands[0], set()).add(instruction.target)
    edges = []
    for number, (_, end) in enumerate(blocks):
        last = code[end - 1]
        following = code[end].address if number + 1 < len(blocks) else None
        targets = _successors(last, following, meeting)
        edges.append(tuple(dict.fromkeys(at[target] for target in targets if target in at)))
    return edges


def _entries(edges: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return block 0 and the first block of every region that no known edge leads to, in the order of addresses.

    Jump tables and calls enter such regions: the partitions of a warp-specialised kernel are entered through one.
    """
    entries: list[int] = []
    seen: set[int] = set()
    for start in range(len(edges)):
        if start in seen:
            continue
        entries.append(start)
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting.extend(edges[node])
    return tuple(entries)


def _successors(last: Instruction, following: int | None, meeting: dict[str, set[int]]) -> list[int]:
    """Return the addresses that can run after ``last``."""
    onward = [] if following is None else [following]
    if last.stem in _BRANCHES:
        jump = [] if last.target is None else [last.target]
        return jump + onward if last.conditional else jump
    if last.stem in _ENDS:
        return onward if last.predicate not in {"", "PT", "UPT"} else []
    if last.stem == "BSYNC":
        # Threads that meet at a convergence barrier go on at the place which its BSSY named: as a rule the next
        # instruction, else (a path moved out of line) one of the places named for that barrier register.
        places = meeting.get(last.operands[0], set()) if last.operands else set()
        return onward if not places or following in places else sorted(places)
    return onward


def _reverse_postorder(edges: Sequence[tuple[int, ...]], entry: int) -> list[int]:
    """Return the blocks that can be reached from ``entry``, each before its successors except along branches back."""
    seen = {entry}
    order: list[int] = []
    stack = [(entry, iter(edges[entry]))]
    while stack:
        node, successors = stack[-1]
        for successor in successors:
            if successor not in seen:
                seen.add(successor)
                stack.append((successor, iter(edges[successor])))
                break
        else:
            order.append(node)
            stack.pop()
    return order[::-1]


def _predecessors(edges: Sequence[tuple[int, ...]], order: Sequence[int]) -> dict[int, list[int]]:
    before: dict[int, list[int]] = {node: [] for node in order}
    for source in order:
        for target in edges[source]:
            before[target].append(source)
    return before


def _dominators(edges: Sequence[tuple[int, ...]], order: Sequence[int]) -> dict[int, int]:
    """Return the immediate dominator of each block in ``order``; the first, the entry, dominates itself.

    The iterative scheme of Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001).
    """
    rank = {node: i for i, node in enumerate(order)}
    before = _predecessors(edges, order)
    dominator = {order[0]: order[0]}
    changed = True
    while changed:
        changed = False
        for node in order[1:]:
            known = [p for p in before[node] if p in dominator]
            meet = known[0]
            for other in known[1:]:
                while meet != other:
                    if rank[meet] > rank[other]:
                        meet = dominator[meet]
                    else:
                        other = dominator[other]
            if dominator.get(node) != meet:
                dominator[node] = meet
                changed = True
    return dominator


def _dominates(dominator: dict[int, int], upper: int, node: int) -> bool:
    while node != upper and node != dominator[node]:
        node = dominator[node]
    return node == upper


def _body(head: int, sources: Sequence[int], before: dict[int, list[int]]) -> set[int]:
    members = {head}
    waiting = [source for source in sources if source != head]
    while waiting:
        node = waiting.pop()
        if node not in members:
            members.add(node)
            waiting.extend(before[node])
    return members
