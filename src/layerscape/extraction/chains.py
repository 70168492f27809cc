"""Chains: which calls of modules of one kind follow each other, told by the tensors that go from one to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from layerscape.extraction.parts import Key
from layerscape.extraction.tracing import Call, Trace, Traced

Follows = Callable[[Call, Call], set[Key]]  # which inputs of the later call change with the output of the earlier
Matters = Callable[[Call, Key], bool]  # whether something else comes of a call when this tensor of it is another


@dataclass(frozen=True)
class Link:
    """How one block leads to the next.

    ``pairs`` are the keys of what leaves and of where it enters, as it is or, where it is ``residual``, added to what
    entered there. With neither, something between them changes it on its way.
    """

    pairs: tuple[tuple[Key, Key], ...] = ()
    residual: bool = False


@dataclass
class Chain:
    """Calls that follow each other, and a link between each and the next; and what of it is the state, once settled."""

    calls: list[Call]
    links: list[Link] = field(default_factory=list)
    state: tuple[Key, Key] | None = None

    @property
    def last(self) -> Call:
        return self.calls[-1]

    @property
    def keys(self) -> tuple[Key | None, Key | None]:
        """Where the state leaves a block and where it enters the next: what most links have, leading parts first."""
        if self.state is not None:
            return self.state
        pairs = self._pairs()
        return pairs[0] if pairs else (None, None)

    def settle(self, matters: Matters, goes_on: Matters) -> None:
        """Of several tensors that are handed on alike, take the state.

        Others are only carried along, as a norm on which no block depends; or are for blocks alone, as a memory, and
        nothing after the last one takes them; or begin with nothing, as a sum of what blocks add. Where that leaves
        several, it is the leading one.
        """
        pairs, begun = self._pairs(), {part.key for part in self.calls[0].entering if not part.mark.constant}
        marks: tuple[Callable[[tuple[Key, Key]], bool], ...] = (
            lambda pair: pair[1] in begun,
            lambda pair: matters(self.calls[1], pair[1]),
            lambda pair: goes_on(self.last, pair[0]),
        )
        for has in marks:
            if len(pairs) > 1:
                pairs = [pair for pair in pairs if has(pair)] or pairs
        self.state = pairs[0] if pairs else None

    def _pairs(self) -> list[tuple[Key, Key]]:
        """Those that most links have, leading parts first."""
        found = Counter(pair for link in self.links for pair in link.pairs)
        most = [pair for pair in found if found[pair] == max(found.values())]
        return sorted(most, key=lambda pair: [sum(map(_late, key)) for key in pair])

    @property
    def n_handed_on(self) -> int:
        """How many links hand on what the block put out."""
        return sum(bool(link.pairs) and not link.residual for link in self.links)

    @property
    def residual(self) -> bool:
        """Whether what enters a block and what it puts out are added outside of it."""
        return bool(self.links) and all(link.residual for link in self.links)


def chains_of(module: nn.Module, trace: Trace, n_blocks: Iterable[int], follows: Follows) -> list[Chain]:
    """All chains of blocks, none within another's block.

    Blocks are children of one kind in lists (or of several kinds, as many as are stated in ``n_blocks``), and single
    modules that run on what they put out.
    """
    chains: list[Chain] = []
    for paths in _groups(module, trace, set(n_blocks)):
        chains += _linked([call for call in trace.calls if call.path in paths and call.leaving is not None], follows)
    blocks = {call.path for chain in chains for call in chain.calls}
    for path, calls in _repeated(module, trace):
        if not any(_inside(path, block) or _inside(block, path) or block == path for block in blocks):
            chains += [chain for chain in _linked(calls, _never) if _loops(chain)]
    return chains


def _groups(module: nn.Module, trace: Trace, n_blocks: set[int]) -> Iterator[set[str]]:
    """Paths of children of lists, those of one kind together; lists within blocks do not count."""
    ran = {call.path for call in trace.calls if call.leaving is not None}
    groups: dict[Any, set[str]] = {}
    for path, container in module.named_modules():
        if not isinstance(container, (nn.ModuleList, nn.ModuleDict, nn.Sequential)):
            continue
        children = [f"{path}.{name}".lstrip(".") for name, _ in container.named_children()]
        inside = any(_inside(path, block) for group in groups.values() for block in group)
        if inside or not children or any(child not in ran for child in children):
            continue
        kinds = {type(child) for child in container.children()}
        if len(kinds) == 1:
            groups.setdefault(kinds.pop(), set()).update(children)
        elif len(children) in n_blocks:  # blocks of several kinds, as attention and state-space layers in turn
            groups[path] = set(children)
    yield from groups.values()


def _repeated(module: nn.Module, trace: Trace) -> Iterator[tuple[str, list[Call]]]:
    """Modules with weights that run more than once, outer ones first."""
    runs: dict[str, list[Call]] = {}
    for call in trace.calls:
        if call.leaving is not None:
            runs.setdefault(call.path, []).append(call)
    for path, _ in module.named_modules():
        if len(runs.get(path, ())) > 1 and any(True for _ in module.get_submodule(path).parameters()):
            yield path, runs[path]


def _linked(calls: Sequence[Call], follows: Follows) -> list[Chain]:
    chains: list[Chain] = []
    for call in calls:
        for chain in reversed(chains):
            link = _handed_on(chain.last, call)
            if link is not None:
                break
        else:
            chain, link = _through(chains, call, follows)
        if chain is None or link is None:
            chains.append(Chain([call]))
        else:
            chain.calls.append(call)
            chain.links.append(link)
    return chains


def _handed_on(earlier: Call, later: Call) -> Link | None:
    """A link where something that the earlier call has made goes into the later one, as it is or added to its input."""
    made = [part for part in earlier.leaving or [] if not _passed(part, earlier)]
    pairs = tuple(
        (out.key, into.key)
        for out in made
        for into in later.entering
        if not out.mark.constant and into.mark.holds_what(out.mark)
    )
    if pairs:
        return Link(pairs)
    sums = tuple(
        (out.key, into.key)
        for out in made
        for before in earlier.entering
        for into in later.entering
        if before.key == into.key and not out.mark.constant and into.mark.is_sum(before.mark, out.mark)
    )
    return Link(sums, residual=True) if sums else None


def _through(chains: list[Chain], call: Call, follows: Follows) -> tuple[Chain | None, Link | None]:
    """The latest chain whose output changes what enters the call where states do."""
    for chain in reversed(chains):
        key = chain.keys[1] or next((other.keys[1] for other in chains if other.keys[1]), None)
        key = key or (call.entering[0].key if call.entering else None)
        if key in follows(chain.last, call):
            return chain, Link()
    return None, None


def _passed(part: Traced, call: Call) -> bool:
    return any(part.mark.equals(before.mark) for before in call.entering)


def _loops(chain: Chain) -> bool:
    """Whether a module runs on what it put out, and on nothing else that changes, as steps of time would."""
    key = chain.keys[1]
    others = [{part.key: part.mark for part in call.entering if part.key != key} for call in chain.calls]
    return len(chain.calls) > 1 and all(
        each.keys() == others[0].keys() and all(each[name].equals(others[0][name]) for name in each) for each in others
    )


def _never(_earlier: Call, _later: Call) -> set[Key]:
    return set()


def _inside(path: str, block: str) -> bool:
    return path.startswith(f"{block}.")


def _late(step: Any) -> int:
    return step if isinstance(step, int) else 0
