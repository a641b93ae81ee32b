"""From the operations of a flat model to chains: modules, joins, wires, and the blocks of bare graphs."""
