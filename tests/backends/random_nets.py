"""Random specifications that are nearly always valid: blocks, repeats, branches, joins, wires, labels."""

from __future__ import annotations

import random

LABELS = (
    "a",
    "b",
    "stem",
    "class",
    "i",
    "j",
    "x",
    "y",
    "conv1",
    "relu1",
    "print",
    "self_",
    *(f"s{n}" for n in range(12)),
)


class Generator:
    """Writes one specification; the same seed writes the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.blocks: list[tuple[str, list[str]]] = []
        self.lines: list[str] = []
        self.numbers: list[str] = []  # names of integers in scope
        self.loops: list[str] = []  # loop names in scope
        self.labels: list[str] = []  # labels that `from` may name
        self.used: set[str] = set()

    def text(self) -> str:
        for name in ("A", "B", "C")[: self.random.randint(0, 3)]:
            parameters = self.random.sample(["w", "n", "i", "k"], self.random.randint(0, 2))
            self.owner(parameters)
            head = f"block {name}({', '.join(parameters)})" if parameters else f"block {name}"
            self.lines += [f"{head} {{", *self.steps(2, self.random.randint(1, 4)), "}"]
            self.blocks.append((name, parameters))
        parameters = self.random.sample(["w", "n", "i"], self.random.randint(0, 2))
        self.owner(parameters)
        written = ", ".join(f"{name}={self.random.randint(1, 4)}" for name in parameters)
        head = f"net N({written})" if parameters else "net N"
        two = self.random.random() < 0.2
        inputs = ["left: input 3@5x5", "right: input 2@5x5"] if two else ["input 3@5x5"]
        if two:
            self.labels += ["left", "right"]
        self.lines += [f"{head} {{", *inputs, *self.steps(3, self.random.randint(2, 6)), "}"]
        return "\n".join(self.lines)

    def owner(self, parameters: list[str]) -> None:
        self.numbers, self.loops, self.labels, self.used = list(parameters), [], [], set()

    def number(self) -> str:
        choices = [str(self.random.randint(1, 4)), "in.channels", *self.numbers, *self.loops]
        chosen = self.random.choice(choices)
        if chosen in self.loops:
            return f"({chosen} + 1)"
        form = self.random.random()
        if form < 0.15:
            return f"(2 * {chosen})"
        if form < 0.25:
            return f"({chosen} // 2 + 1)"
        return chosen if "." not in chosen else f"({chosen})"

    def label(self, labelled: bool, keep: bool = True) -> str:
        """A label and its colon, or nothing; within a repeat it counts."""
        if not labelled:
            return ""
        name = self.random.choice(LABELS)
        if self.loops:
            name += f"{{{self.loops[-1]}}}"
        if name in self.used:
            return ""
        self.used.add(name)
        if keep and not self.loops:
            self.labels.append(name)
        return f"{name}: "

    def steps(self, depth: int, count: int) -> list[str]:
        lines: list[str] = []
        for _ in range(count):
            lines += self.step(depth)
        return lines

    def step(self, depth: int) -> list[str]:
        makers = [self.conv, self.conv, self.plain, self.wire]
        if self.blocks:
            makers += [self.use, self.use]
        if depth:
            makers += [self.group, self.repeat, self.repeat, self.branch, self.join, self.join]
        if makers and depth:
            return self.random.choice(makers)(depth)
        return self.random.choice(makers)(0)

    def conv(self, depth: int) -> list[str]:
        kernel = self.random.choice(["1x1", "3x3 pad=1"])
        label = self.label(self.random.random() < 0.3)
        return [f"{label}conv {self.number()}@{kernel}"]

    def plain(self, depth: int) -> list[str]:
        label = self.label(self.random.random() < 0.2)
        return [label + self.random.choice(["relu", "tanh", "batchnorm", "dropout 0.3", "scale 0.5"])]

    def wire(self, depth: int) -> list[str]:
        if not self.labels or self.random.random() < 0.4:
            return self.conv(depth)
        verb = "again" if self.random.random() < 0.2 else "from"
        return [f"{verb} {self.random.choice(self.labels)}"]

    def use(self, depth: int) -> list[str]:
        name, parameters = self.random.choice(self.blocks)
        arguments = " ".join(self.number() for _ in parameters)
        return [f"{self.label(self.random.random() < 0.3)}{name} {arguments}".rstrip()]

    def braces(self, depth: int, head: str) -> list[str]:
        kept, used = list(self.labels), set(self.used)
        inside = self.steps(depth - 1, self.random.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 3]))
        self.labels, self.used = kept, used | self.used
        return [f"{head} {{", *inside, "}"]

    def group(self, depth: int) -> list[str]:
        return self.braces(depth, self.label(True) or "")

    def repeat(self, depth: int) -> list[str]:
        label = self.label(self.random.random() < 0.3)
        name = self.random.choice(["i", "j", "r", "w"])
        source = self.random.choice(["2", "3", "5", "[1, 3, 2]", "[2, 2]", "[1, 2, 3, 4]"])
        if self.random.random() < 0.3 and source.isdigit():
            return self.braces(depth, f"{label}repeat {source}")
        self.loops.append(name)
        lines = self.braces(depth, f"{label}repeat {name} in {source}")
        self.loops.pop()
        return lines

    def condition(self) -> str:
        left = self.random.choice(["in.channels", *self.numbers, *self.loops])
        return f"{left} {self.random.choice(['==', '!=', '>', '<='])} {self.random.randint(0, 4)}"

    def branch(self, depth: int) -> list[str]:
        label = self.label(self.random.random() < 0.3, keep=False)
        lines = self.braces(depth, f"{label}if {self.condition()}")
        if self.random.random() < 0.5:
            other = self.braces(depth, "else")
            lines = [*lines[:-1], "} else {", *other[1:]]
        return lines

    def join(self, depth: int) -> list[str]:
        kind = self.random.choice(["concat", "concat", "add", "mul", "sub"])
        label = self.label(self.random.random() < 0.2)
        width = self.number()
        lines = [f"full = {width}"] if kind != "concat" else []
        lines.append(f"{label}{kind} {{")
        for number in range(2 if kind == "sub" else self.random.randint(2, 3)):
            lines += self.path(depth, kind, number)
        return ["{", *lines, "}", "}"] if kind != "concat" else [*lines, "}"]

    def path(self, depth: int, kind: str, number: int) -> list[str]:
        if kind == "concat" and self.random.random() < 0.3:
            return ["| identity"]
        if kind in ("concat", "add") and number and self.random.random() < 0.2:
            end = "identity" if kind == "concat" else "conv full@1x1"
            return [f"| if {self.condition()} {{ {end} }} else {{ none }}"]
        kept = list(self.labels)
        inside = self.steps(depth - 1, self.random.randint(1, 2))
        self.labels = kept
        end = [] if kind == "concat" else ["conv full@1x1"]
        first, *rest = [*inside, *end]
        return [f"| {first}", *rest]
