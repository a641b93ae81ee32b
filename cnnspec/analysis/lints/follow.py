"""What stands behind what: a layer's value followed from layer to layer, in and out of blocks.

A block is followed through once; what is known of it then serves all its uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import proxy

from cnnspec.analysis.lints.lint_context import FlatScope, LintContext, ScopeWalk, Site, Visit
from cnnspec.graph.tree import Use, Value


class FollowRule(NamedTuple):
    """Follow the values of the layers that are in `starts` through those in `passes` to those in `meets`.

    `alone`: only along values that a single step reads. Joins let nothing pass.
    """

    starts: frozenset[str]
    meets: frozenset[str]
    passes: frozenset[str] = frozenset()
    alone: bool = False


ENTRY = Site(None, (), None)  # type: ignore[arg-type]  # stands for what enters a scope


class ScopeMatches(ScopeWalk[Site | None]):
    """What a rule finds in a scope; the state of a value is the layer that it is followed from.

    `pairs` are the starts with what they meet; `first` the layers that what enters the scope meets;
    `through`: what enters leaves; `last` starts here and leaves; `starts` are all that start here.
    """

    def __init__(self, follower: Follower, scope: FlatScope) -> None:
        super().__init__(follower.context)
        self.follower = proxy(follower)  # which holds this one
        self.rule, self.reads = follower.rule, scope.reads
        self.pairs: list[tuple[Site, Site]] = []
        self.first: list[Site] = []
        self.starts: list[Site] = []
        found = self.walk(scope, dict.fromkeys(scope.inputs, ENTRY))
        leaving = [self.readable(found[value], value) for value in dict.fromkeys(scope.outputs)]
        self.through = any(site is ENTRY for site in leaving)
        self.last = [site for site in leaving if site is not None and site is not ENTRY]

    def readable(self, site: Site | None, value: Value) -> Site | None:
        """The site, unless the rule ends where a value is read twice."""
        return None if self.rule.alone and self.reads[value] > 1 else site

    def meet(self, start: Site, reader: Site) -> None:
        if start is ENTRY:
            self.first.append(reader)
        else:
            self.pairs.append((start, reader))

    def layer(self, site: Site, start: Site | None) -> Site | None:
        start = self.readable(start, site.leaf.input)
        if start is not None and site.layer in self.rule.meets:
            self.meet(start, site)
        if site.layer in self.rule.starts:
            self.starts.append(site)
            return site
        return start if site.layer in self.rule.passes else None

    def block(self, use: Use, start: Site | None, _: tuple[Use, ...]) -> Site | None:
        """It is followed through once for all its uses."""
        inner = self.follower.matches(self.context.inside(use.instance))
        start = self.readable(start, use.input)
        if start is not None:
            for reader in inner.first:
                self.meet(start, within(use, reader))
        last = [within(use, site) for site in inner.last]  # one: a block has one output
        self.starts += last
        return last[-1] if last else start if inner.through else None

    def join(self, *_: object) -> None:
        """Nothing passes."""


class Follower:
    """Follows a rule through the scopes of a context."""

    def __init__(self, context: LintContext, rule: FollowRule) -> None:
        self.context, self.rule = context, rule
        self.known: dict[int, ScopeMatches] = {}  # by scope

    def matches(self, scope: FlatScope) -> ScopeMatches:
        found = self.known.get(id(scope))
        if found is None:
            found = self.known[id(scope)] = ScopeMatches(self, scope)
        return found

    def pairs(self) -> Iterator[tuple[Site, Site]]:
        """All pairs, each with the uses of blocks around it; of a step that runs again, all runs or none.

        Equal pairs of one text, as a repeat makes them, come once.
        """
        for visit in self.context.visits:
            pairs = self.matches(visit.scope).pairs
            # A layer that runs again and meets nothing there cannot be mended by what one of its runs meets.
            other = {site.path for site in self.unmet_in(visit)} if pairs else set()
            known: set[tuple[Any, ...]] = set()
            for one, two in pairs:
                kind = text(one), text(two)
                if kind not in known and one.path not in other:
                    known.add(kind)
                    yield one._replace(uses=visit.uses + one.uses), two._replace(uses=visit.uses + two.uses)

    def unmet(self) -> Iterator[Site]:
        """All that start and meet nothing."""
        for visit in self.context.visits:
            yield from self.unmet_in(visit)

    def unmet_in(self, visit: Visit) -> Iterator[Site]:
        matches = self.matches(visit.scope)
        followed = {key(one) for one, _ in matches.pairs}
        if visit.uses:  # what leaves a block is followed where the block is used
            followed |= {key(site) for site in matches.last}
        return (site for site in matches.starts if key(site) not in followed)


def text(site: Site) -> tuple[Any, ...]:
    """What tells a layer and its place in the text."""
    leaf = site.leaf
    return id(leaf.layer), leaf.input.shape, leaf.span, *(use.span for use in site.uses)


def key(site: Site) -> tuple[int, ...]:
    return id(site.op), *map(id, site.uses)


def within(use: Use, site: Site) -> Site:
    """A site of a block as seen from where the block is used."""
    return site._replace(uses=(use, *site.uses))
