"""What a net comes to, in a line."""

from __future__ import annotations

from cnnspec.analysis.costs import costs
from cnnspec.live.check import Check


def figures(check: Check, name: str) -> str:
    """`1@28x28 -> 10, 61,706 parameters, 416,520 MACs`; "" of a net with faults, or not checked yet."""
    network = check.networks.get(name)
    if network is None:
        return ""
    key = "figures", id(network)
    if key not in check.kept:
        total = costs(network)
        words = f"{network.sizes}, {total.params:,} parameters, {total.macs:,} MACs"
        check.kept[key] = network, words
    return str(check.kept[key][1])
