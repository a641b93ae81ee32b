"""Integers that remember where they came from.

A Symbol is an int that also carries the polynomial, over names such as `classes` or `in.channels`,
by which it was computed. Layers compute with it as with any int; the PyTorch backend reads the
polynomial, to write `4 * width` where the specification says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple


class Quotient(NamedTuple):
    """`left // right` or `left % right`: an atom of a polynomial that is no product or sum."""

    operator: str
    left: Polynomial
    right: Polynomial


Atom = str | Quotient
# 4*w*w + 2*w + 3 -> ((("w", "w"), 4), (("w",), 2), ((), 3)); 0 -> ().
Polynomial = tuple[tuple[tuple[Atom, ...], int], ...]
"""Terms in a canonical order, each a sorted product of atoms and its coefficient."""


LARGEST = 128
"""The most names and terms that a polynomial holds; what people write has a handful. A value keeps to half of
it, so that a layer can still compute with it."""


class Involved(ArithmeticError):
    """A polynomial would be too large to be of use: the value is to be settled instead."""


def _size(terms: Polynomial) -> int:
    size = len(terms)
    for atoms, _ in terms:
        for atom in atoms:
            size += 1 if isinstance(atom, str) else 1 + _size(atom.left) + _size(atom.right)
    return size


def _order(term: tuple[tuple[Atom, ...], int]) -> tuple[int, str]:
    # By repr: a term may hold names and Quotients, which do not compare.
    return -len(term[0]), repr(term[0])


def _collect(terms: list[tuple[tuple[Atom, ...], int]]) -> Polynomial:
    sums: dict[tuple[Atom, ...], int] = {}
    for atoms, coefficient in terms:
        sums[atoms] = sums.get(atoms, 0) + coefficient
    return tuple(sorted(((a, c) for a, c in sums.items() if c), key=_order))


def constant(value: int) -> Polynomial:
    return (((), int(value)),) if value else ()


def polynomial(value: int) -> Polynomial:
    return value.polynomial if isinstance(value, Symbol) else constant(value)


def add(left: Polynomial, right: Polynomial) -> Polynomial:
    return _collect([*left, *right])


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    # Asked before the terms are made: sums of 60 terms each would make 3,600.
    if len(left) * len(right) > LARGEST:
        raise Involved
    return _collect([(tuple(sorted(a + b, key=repr)), c * d) for a, c in left for b, d in right])


def divide(operator: str, left: Polynomial, right: Polynomial) -> Polynomial:
    """Floor quotient or remainder; exact where both sides are numbers or the divisor divides every term."""
    # Terms are in order of their atoms, most first: where the first has none the divisor is a number.
    # (4*w + 8) // 4 = w + 2, exactly; (4*w + 3) // 4 is an atom of its own.
    if not right or right[0][0] == ():
        divisor = right[0][1] if right else 0
        if divisor and all(c % divisor == 0 for _, c in left):
            return _collect([(a, c // divisor) for a, c in left]) if operator == "//" else ()
        if divisor and (not left or left[0][0] == ()):
            value = left[0][1] if left else 0
            return constant(value // divisor if operator == "//" else value % divisor)
    # w // 2 is no polynomial in w: it stands for itself, and equal ones cancel.
    return (((Quotient(operator, left, right),), 1),)


def _subtract(left: Polynomial, right: Polynomial) -> Polynomial:
    return add(left, tuple((a, -c) for a, c in right))


Operation = Callable[[int, int], int]


def _both_ways(
    concrete: Operation, symbolic: Callable[[Polynomial, Polynomial], Polynomial]
) -> tuple[Operation, Operation]:
    """An operation with a Symbol on its left, and with one on its right."""

    def apply(left: int, right: int) -> int:
        if not (isinstance(left, int) and isinstance(right, int)):
            return NotImplemented
        value = concrete(int(left), int(right))
        return make(value, symbolic(polynomial(left), polynomial(right)))

    return apply, lambda right, left: apply(left, right)


class Symbol(int):
    """An int with the polynomial that made it. Sums, products, `//` and `%` keep it, all else forgets it."""

    polynomial: Polynomial

    def __new__(cls, value: int, polynomial: Polynomial) -> Symbol:
        self = super().__new__(cls, value)
        self.polynomial = polynomial
        return self

    @property
    def names(self) -> frozenset[str]:
        return names(self.polynomial)

    def __neg__(self) -> int:
        return 0 - self

    __add__, __radd__ = _both_ways(int.__add__, add)
    __sub__, __rsub__ = _both_ways(int.__sub__, _subtract)
    __mul__, __rmul__ = _both_ways(int.__mul__, multiply)
    __floordiv__, __rfloordiv__ = _both_ways(int.__floordiv__, partial(divide, "//"))
    __mod__, __rmod__ = _both_ways(int.__mod__, partial(divide, "%"))


def make(value: int, terms: Polynomial) -> int:
    """A Symbol, or a plain int where no name is left. Raises Involved."""
    if _size(terms) > LARGEST:
        raise Involved
    return Symbol(value, terms) if any(atoms for atoms, _ in terms) else value


def is_involved(value: object) -> bool:
    """Whether a value's polynomial is too large to be carried on."""
    return isinstance(value, Symbol) and _size(value.polynomial) > LARGEST // 2


def named(value: int, name: str) -> Symbol:
    return Symbol(int(value), (((name,), 1),))


def names(terms: Polynomial) -> frozenset[str]:
    found: set[str] = set()
    for atoms, _ in terms:
        for atom in atoms:
            if isinstance(atom, Quotient):
                found |= names(atom.left) | names(atom.right)
            else:
                found.add(atom)
    return frozenset(found)


def substitute(terms: Polynomial, values: Mapping[str, Polynomial]) -> Polynomial:
    """The polynomial with names replaced; names without a value stay."""
    total: Polynomial = ()
    for atoms, coefficient in terms:
        product = constant(coefficient)
        for atom in atoms:
            if isinstance(atom, Quotient):
                factor = divide(atom.operator, substitute(atom.left, values), substitute(atom.right, values))
            else:
                factor = values.get(atom, (((atom,), 1),))
            # 4*c, where the caller's value of c is 2*width -> 8*width.
            product = multiply(product, factor)
        total = add(total, product)
    return total


def rebind(value: int, values: Mapping[str, int]) -> int:
    """A value of a block in its caller's terms: each of its names stands for the caller's value."""
    if not isinstance(value, Symbol):
        return value
    return make(int(value), substitute(value.polynomial, {k: polynomial(v) for k, v in values.items()}))


def evaluate(terms: Polynomial, values: Mapping[str, int]) -> int:
    """The polynomial's number where each of its names has a value. Raises KeyError or ZeroDivisionError."""
    total = 0
    for atoms, coefficient in terms:
        product = coefficient
        for atom in atoms:
            if isinstance(atom, Quotient):
                left, right = evaluate(atom.left, values), evaluate(atom.right, values)
                product *= left // right if atom.operator == "//" else left % right
            else:
                product *= int(values[atom])
        total += product
    return total


def write(terms: Polynomial, spelled: Callable[[str], str] = str) -> str:
    """The polynomial as Python writes it, each name spelled as `spelled` says."""
    if not terms:
        return "0"
    text = ""
    # `w - 4`, not `-4 + w`: what is subtracted goes behind.
    for atoms, coefficient in sorted(terms, key=lambda term: term[1] < 0):
        sign = "-" if coefficient < 0 else "+"
        factors = [_factor(atom, spelled, alone=len(atoms) == 1 and abs(coefficient) == 1) for atom in atoms]
        if abs(coefficient) != 1 or not atoms:
            factors.insert(0, str(abs(coefficient)))
        product = " * ".join(factors)
        text = f"{text} {sign} {product}" if text else f"-{product}" if sign == "-" else product
    return text


def _factor(atom: Atom, spelled: Callable[[str], str], alone: bool) -> str:
    if isinstance(atom, str):
        return spelled(atom)
    sides = [write(side, spelled) for side in (atom.left, atom.right)]
    # (w + 1) // 2 and w // (2 * v): what binds no closer than the quotient stands in parentheses.
    left = sides[0] if len(atom.left) == 1 and atom.left[0][1] > 0 else f"({sides[0]})"
    right = sides[1] if sides[1].isidentifier() or sides[1].isdigit() else f"({sides[1]})"
    text = f"{left} {atom.operator} {right}"
    return text if alone else f"({text})"
