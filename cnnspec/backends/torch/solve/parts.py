"""The modules of braces that are opened at several places, as labels with dots do."""

from __future__ import annotations

from collections.abc import Iterable

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.solve.roots import Root
from cnnspec.backends.torch.solve.solutions import Attribute, Line, Make, Solved, Variable
from cnnspec.backends.torch.steps import parts_in
from cnnspec.graph.tree import Step

Owner = str | Variable
"""What modules are put into: `self`, an attribute, a local variable."""


class PartedBraces:
    """Makes a bare module for such braces at the head of their scope; `owners` has it by the braces' path."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.owners: dict[str, Owner] = {}

    def heads(self, steps: Iterable[Step], owner: Owner) -> Solved:
        """The modules for all such braces among the steps of a scope, whose own module is the owner."""
        found: Solved = []
        for step in parts_in(steps):
            if step.name not in self.owners:
                found += self.make(step.name, owner)
            found += self.heads(step.steps, self.owners[step.name])
        return found

    def make(self, path: str, owner: Owner) -> Solved:
        name, made = path.rpartition(".")[2], Make("nn.Module", ())
        if is_plain(name) and owner == "self":
            self.owners[path] = f"self.{name}"
            return [Line(made, Attribute("self", name))]
        target = self.owners[path] = Variable(name)
        add = Make(Attribute(owner, "add_module"), (("", self.root.string([name])), ("", target)))
        return [Line(made, target), Line(add)]
