"""What stands behind what: a layer's value followed from layer to layer, in and out of blocks.

A block is followed through once; what is known of it then serves all its uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnspec.analysis.lints.scopes import FlatScope, Site, Survey, Visit
from cnnspec.graph.tree import Leaf, Merge, Use, Value


class FollowRule(NamedTuple):
    """Follow the values of the layers that are in `starts` through those in `passes` to those in `meets`.

    `alone`: only along values that a single step reads. Joins let nothing pass.
    """

    starts: frozenset[str]
    meets: frozenset[str]
    passes: frozenset[str] = frozenset()
    alone: bool = False


class Course(NamedTuple):
    """What a rule finds in a scope.

    `meetings` are the pairs; `first` the layers that what enters the scope meets; `through`: what enters
    leaves; `last` starts here and leaves; `begun` are all that start here.
    """

    meetings: list[tuple[Site, Site]]
    first: list[Site]
    through: bool
    last: dict[Value, Site]
    begun: list[Site]


ENTRY = Site(None, (), None)  # type: ignore[arg-type]  # stands for what enters a scope


class Follower:
    """Follows a rule through the scopes of a survey."""

    def __init__(self, survey: Survey, rule: FollowRule) -> None:
        self.survey, self.rule = survey, rule
        self.courses: dict[int, Course] = {}  # by scope

    def course(self, scope: FlatScope) -> Course:
        found = self.courses.get(id(scope))
        if found is None:
            found = self.courses[id(scope)] = self.run(scope)
        return found

    def run(self, scope: FlatScope) -> Course:
        rule, alone, reads = self.rule, self.rule.alone, scope.reads
        carried = dict.fromkeys(scope.inputs, ENTRY)
        course = Course([], [], False, {}, [])
        for op in scope.ops:
            if type(op) is Merge:
                continue
            now = carried.get(op.input)
            if now is not None and alone and reads[op.input] > 1:
                now = None
            if type(op) is Leaf:
                name = op.layer.name
                if now is not None and name in rule.meets:
                    self.meet(course, now, Site(op, (), scope))
                if name in rule.starts:
                    carried[op.output] = Site(op, (), scope)
                    course.begun.append(carried[op.output])
                elif now is not None and name in rule.passes:
                    carried[op.output] = now
            elif type(op) is Use:
                self.enter(course, op, now, carried)
        leaving = {value: carried[value] for value in scope.outputs if value in carried}
        if alone:
            leaving = {value: site for value, site in leaving.items() if reads[value] == 1}
        last = {value: site for value, site in leaving.items() if site is not ENTRY}
        return course._replace(through=len(last) < len(leaving), last=last)

    @staticmethod
    def meet(course: Course, now: Site, reader: Site) -> None:
        if now is ENTRY:
            course.first.append(reader)
        else:
            course.meetings.append((now, reader))

    def enter(self, course: Course, use: Use, now: Site | None, carried: dict[Value, Site]) -> None:
        """What a block in its place adds to the course around it."""
        inner = self.course(self.survey.inside(use.instance))
        if now is not None:
            for reader in inner.first:
                self.meet(course, now, within(use, reader))
            if inner.through:
                carried[use.output] = now
        for site in inner.last.values():
            carried[use.output] = within(use, site)
            course.begun.append(carried[use.output])

    def pairs(self) -> Iterator[tuple[Site, Site]]:
        """All pairs, each with the uses of blocks around it; of a step that runs again, all runs or none.

        Equal pairs of one text, as a repeat makes them, come once.
        """
        for visit in self.survey.visits:
            course = self.course(visit.scope)
            other = {site.path for site in self.unmet_in(visit)} if course.meetings else set()
            known: set[tuple[Any, ...]] = set()
            for one, two in course.meetings:
                kind = text(one), text(two)
                if kind not in known and one.path not in other:
                    known.add(kind)
                    yield one._replace(uses=visit.uses + one.uses), two._replace(uses=visit.uses + two.uses)

    def unmet(self) -> Iterator[Site]:
        """All that start and meet nothing."""
        for visit in self.survey.visits:
            yield from self.unmet_in(visit)

    def unmet_in(self, visit: Visit) -> Iterator[Site]:
        course = self.course(visit.scope)
        followed = {key(one) for one, _ in course.meetings}
        if visit.uses:  # what leaves a block is followed where the block is used
            followed |= {key(site) for site in course.last.values()}
        return (site for site in course.begun if key(site) not in followed)


def text(site: Site) -> tuple[Any, ...]:
    """What tells a layer and its place in the text."""
    leaf = site.leaf
    return id(leaf.layer), leaf.input.shape, leaf.span, *(use.span for use in site.uses)


def key(site: Site) -> tuple[int, ...]:
    return id(site.op), *map(id, site.uses)


def within(use: Use, site: Site) -> Site:
    """A site of a block as seen from where the block is used."""
    return site._replace(uses=(use, *site.uses))
