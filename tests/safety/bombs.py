"""Small texts that ask for much: each has to be refused, at a place, before it costs anything.

`BOMBS` show what they unfold to, so they are refused at once. `LATE` show it only on the way, or have
faults in many turns of a repeat. `HEAVY` are large in themselves, or deep, or just long; whether they are
wrong is their own affair, but they must not hang.
"""

from __future__ import annotations


def net(*lines: str) -> str:
    return "\n".join(["net N {", "    input 3@64x64", *lines, "}", ""])


def doubling(depth: int, inner: str, call: str = "B{n}, B{n}") -> str:
    """Blocks each of which uses the one before it twice."""
    blocks = [f"block B0 {{ {inner} }}"]
    blocks += [f"block B{n} {{ {call.format(n=n - 1)} }}" for n in range(1, depth + 1)]
    return "\n".join(blocks) + "\n" + net(f"    B{depth}")


def constants(first: str, step: str, times: int, last: str = "relu") -> str:
    """File constants, each made of the one before it."""
    lines = [f"a0 = {first}", *(f"a{n} = {step.format(a=f'a{n - 1}')}" for n in range(1, times + 1))]
    return "\n".join(lines) + "\n" + net(f"    {last.format(a=f'a{times}')}")


def comprehensions(depth: int, count: int) -> str:
    """A list whose items are lists, so deep."""
    text = "0"
    for n in range(depth):
        text = f"[{text} for i{n} in {count}]"
    return text


BOMBS: dict[str, str] = {
    "repeats": net("    repeat 1000000 { repeat 1000000 { conv 8@3x3 pad=1 } }"),
    "repeats_within_bounds": net("    repeat 18000 { repeat 18000 { relu } }"),
    "repeats_three_deep": net("    repeat 1000 { repeat 1000 { repeat 1000 { relu } } }"),
    "repeats_ten_deep": net("    " + "repeat 100 { " * 10 + "relu" + " }" * 10),
    "repeats_of_nothing": net("    repeat 18000 { repeat 18000 { } }"),
    "repeats_of_constants": net("    repeat 18000 { repeat 18000 { a = 1 } }"),
    "repeats_of_ifs": net("    repeat 18000 { repeat 18000 { if no { relu } } }"),
    "repeats_by_a_name": "many = 50000\n" + net("    repeat many { repeat many { relu } }"),
    "repeats_by_an_expression": net("    repeat i in 300 { repeat (300 + i) { relu, relu } }"),
    "repeats_by_a_list": net(
        "    repeat i in [0 for k in 90000] { repeat j in [0 for k in 90000] { relu } }"
    ),
    "repeats_of_joins": net("    repeat 18000 { add { | repeat 18000 { relu } | identity } }"),
    "repeats_of_requirements": net("    repeat 18000 { repeat 18000 { require 1 == 1 } }"),
    "repeats_of_froms": net("    a: relu", "    repeat 18000 { repeat 18000 { from a } }"),
    "paths": net("    concat for i in 18000 { | concat for j in 18000 { | relu } }"),
    "paths_of_identity": net("    add for i in 18000 { | add for j in 18000 { | identity | identity } }"),
    "paths_of_none": net("    add for i in 18000 { | add for j in 18000 { | none | identity } }"),
    "doubling": doubling(40, "relu"),
    "doubling_of_nothing": doubling(40, "identity"),
    "doubling_by_repeats": doubling(40, "relu", "repeat 2 {{ B{n} }}"),
    "doubling_by_joins": doubling(40, "relu", "add {{ | B{n} | B{n} }}"),
    "doubling_by_paths": doubling(40, "relu", "add for i in 2 {{ | B{n} }}"),
    "doubling_of_shapes": doubling(30, "conv 64@1x1", "B{n}, conv (in.channels + 1)@1x1, B{n}"),
    "doubling_by_arguments": "\n".join(
        ["block B0(a) { conv a@1x1 }"]
        + [f"block B{n}(a) {{ B{n - 1} (a + {2**n}), B{n - 1} a }}" for n in range(1, 31)]
        + [net("    B30 1")]
    ),
    "doubling_by_values": doubling(25, "conv 8@1x1", "B{n}, maxpool 1x1, B{n}"),
    "recursion": "block A { A }\n" + net("    A"),
    "recursion_between": "block A { B }\nblock B { C }\nblock C { A }\n" + net("    A"),
    "recursion_in_growing_arguments": "block A(n) { A (n + 1) }\n" + net("    A 0"),
    "recursion_by_a_value": "block A(f) { f f=f }\n" + net("    A f=A"),
    "recursion_by_doubled_values": "block A(f) { f f=f, f f=f }\n" + net("    A f=A"),
    "recursion_in_a_default": "block A(f=A) { f }\n" + net("    A"),
    "chain_of_a_thousand_blocks": doubling(1000, "relu", "B{n}"),
    "again_doubles": net(
        "    g0: { relu, relu }",
        *(f"    g{n}: {{ again g{n - 1}, again g{n - 1} }}" for n in range(1, 41)),
    ),
    "again_of_a_block": doubling(14, "relu").replace("B14\n", "b: B14\n    repeat 18000 { again b }\n"),
    "again_of_a_broken_block": doubling(14, "else").replace(
        "B14\n", "b: B14\n    repeat 18000 { again b }\n"
    ),
    "doubling_of_a_fault": doubling(40, "tahn"),
    "again_of_a_repeat": net("    g: { repeat 9000 { relu } }", "    repeat 9000 { again g }"),
    "lists": constants(comprehensions(4, 10_000), "{a}", 0),
    "lists_of_lists": constants(comprehensions(2, 100_000), "{a}", 0),
    "lists_five_deep": constants(comprehensions(5, 100), "{a}", 0),
    "lists_doubled": constants("[1]", "{a} + {a}", 40),
    "lists_nested_twice": constants("[1]", "[{a}, {a}]", 60, "repeat i in {a} {{ conv 8@3x3 weights={a} }}"),
    "lists_compared": constants("[1]", "[{a}, {a}]", 40, "if {a} == {a} {{ relu }}").replace(
        "a40 == a40", "a40 == [[a38, a38], a39]"
    ),
    "lists_as_arguments": "block B(a) { relu }\n" + constants("[1]", "[{a}, {a}]", 40, "B {a}"),
    "lists_as_defaults": constants("[1]", "[{a}, {a}]", 40, "default conv weights={a}\n    conv 8@3x3"),
    "lists_in_a_message": constants("[1]", "[{a}, {a}]", 40, "conv {a}@3x3"),
    "lists_summed": constants("[1]", "[{a}, {a}]", 40, "conv (sum({a}))@3x3"),
    "lists_in_a_repeat": net("    repeat i in 90000 { a = [0 for k in 90000] }"),
    "lists_in_a_repeat_of_steps": net("    repeat i in 9000 { conv (sum([1 for k in 90000]))@1x1 }"),
    "lists_in_a_label": net("    repeat i in 9000 { e{sum([i for k in 90000])}: relu }"),
    "lists_in_a_block": "block B(n) { a = [0 for k in 90000], }\nblock C(n) { relu, B n }\n"
    + net("    repeat i in 9000 { C i }"),
    "integers": constants("2147483647", "{a} * {a}", 3),
    "integers_by_products": constants("9999", "9999 * {a}", 50),
    "integers_in_a_line": constants(" * ".join(["9999"] * 150), "{a}", 0),
    "integers_by_sums": constants("2147483647", "{a} + {a}", 3),
    "integers_in_features": net("    conv 2147483647@1x1", "    a = in.features * in.features * in.features"),
    "integers_summed": constants("2147483647", "sum([{a}, {a}, {a}])", 1),
    "integers_by_powers": constants("10**10**9", "{a} ** {a}", 3),
    "powers_in_a_line": constants("**".join(["99"] * 150), "{a}", 0),
    "floats": constants("1e300", "{a} * {a}", 2, "dropout {a}"),
    "strings": constants('"ab"', "{a} + {a}", 40, "conv 8@3x3 pad={a}"),
    "strings_repeated": constants('"ab"', "{a} * 1000000000", 1, "conv 8@3x3 pad={a}"),
    "lists_repeated": constants("[0]", "{a} * 1000000000", 1),
    "elements": net("    upsample 100000", "    upsample 100000", "    upsample 100000"),
    "elements_of_a_weight": net("    conv 2147483647@1x1", "    conv 2147483647@99x99 pad=99"),
    "pads": net("    pad 1000000000", "    upsample 1000000000"),
    "sizes": net("    conv 8@2147483647x2147483647"),
    "polynomials": "block B(a, b, c, d) {\n"
    + "    x0 = a + b + c + d\n"
    + "".join(f"    x{n} = x{n - 1} * x{n - 1}\n" for n in range(1, 12))
    + "    conv x11@1x1\n}\n"
    + net("    B 0 0 0 1"),
    "polynomials_in_a_loop": "block B(a, b, c, d) {\n    x = a + b + c + d\n"
    + f"    repeat 1000 {{ y = {' * '.join('x' * 10)}\n relu }}\n}}\n"
    + net("    B 0 0 0 1"),
    "quotients": "block B(a) {\n    x0 = (a + 7) // 2\n"
    + "".join(f"    x{n} = (x{n - 1} + x{n - 1} // 2) // 3 + x{n - 1} % 7\n" for n in range(1, 40))
    + "    conv (x39 + 1)@1x1\n}\n"
    + net("    B 1000000"),
}

BOMBS |= {
    "deep": "\n".join(
        [f"block B0 {{ {'{ ' * 55} relu {'} ' * 55} }}"]
        + [f"block B{n} {{ {'{ ' * 55} B{n - 1} {'} ' * 55} }}" for n in range(1, 60)]
        + [net("    B59")]
    ),
    "deep_conditions": "\n".join(
        [f"block B0 {{ {'if yes { ' * 55} relu {'} ' * 55} }}"]
        + [f"block B{n} {{ {'if yes { ' * 55} B{n - 1} {'} ' * 55} }}" for n in range(1, 60)]
        + [net("    B59")]
    ),
    "deep_runs_again": net("    g0: { relu }", *(f"    g{n}: {{ again g{n - 1} }}" for n in range(1, 500))),
    "lists_nested_deep": constants("[1]", "[{a}]", 3_000),
    "labels_nested": net(
        *(f'    "{n}{"x" * 10_000}": {{' for n in range(30)),
        "    repeat i in 9000 { e{i}: relu }",
        "    }" * 30,
    ),
    "faults_in_a_repeat": net("    repeat 9000 { relu -> 7 }"),
    "faults_of_words_in_a_repeat": net("    repeat 18000 { rleu }"),
    "faults_of_names_in_a_repeat": net("    repeat 18000 { conv q@3x3 }"),
    "faults_of_arguments_in_a_repeat": net("    repeat 18000 { conv 8@3x3 strid=1 }"),
    "faults_of_sizes_in_a_repeat": net("    a: relu", "    repeat 18000 { from a\n conv 8@99x99 }"),
    "faults_of_joins_in_a_repeat": net(
        "    a: relu\n    repeat 30000 { from a\n add { | conv 8@1x1 | relu } }"
    ),
    "faults_of_wires_in_a_repeat": net("    repeat 18000 { from nowhere }"),
    "faults_of_labels_in_a_repeat": net("    repeat 18000 { a: relu }"),
    "faults_of_blocks_in_a_repeat": "block B(w) { relu }\n" + net("    repeat 18000 { B }"),
    "faults_of_requirements_in_a_repeat": net('    repeat 18000 { require 1 == 2, "no" }'),
}

HEAVY: dict[str, str] = {
    "constants": "\n".join(f"a{n} = {n}" for n in range(15_000)) + "\n" + net("    repeat 18000 { relu }"),
    "constants_of_blocks": "\n".join(f"a{n} = {n}" for n in range(15_000))
    + "\nblock B(i, j=1, k=2) { conv 8@1x1, B0 i }\nblock B0(i) { relu }\n"
    + net("    repeat i in 20000 { B i }"),
    "runs_again": net("    a: conv 3@1x1", "    repeat 40000 { again a }"),
    "joins": net("    repeat 30000 { add { | relu | identity } }"),
    "blocks_of_their_own": "block B(i) { relu }\n" + net("    repeat i in 40000 { B i }"),
    "channels_that_grow": net("    repeat 3000 { concat { | identity | conv 1@1x1 } }"),
    "channels_that_grow_in_blocks": "block B(w) { concat { | identity | conv w@1x1 } }\n"
    + net("    repeat i in 3000 { B (i + 1) }"),
    "channels_that_shrink": "net N(w=2147483647) {\n    input 1@1x1\n    conv w@1x1\n"
    + "    repeat 3000 { conv (in.channels * 2 // 3 + 1)@1x1 }\n}\n",
    "operators": constants(" + ".join(["1"] * 100_000), "{a}", 0),
    "signs": constants("-" * 100_000 + "1", "{a}", 0),
    "nots": net("    if " + "not " * 100_000 + "yes { relu }"),
    "comparisons": net("    if " + " and ".join(["1 < 2"] * 50_000) + " { relu }"),
    "choices": constants("1 if yes else " * 30_000 + "1", "{a}", 0),
    "braces": "{" * 100_000,
    "braces_matched": net("    " + "{ " * 100_000 + "relu" + " }" * 100_000),
    "brackets": constants("[" * 100_000 + "]" * 100_000, "{a}", 0),
    "parentheses": constants("(" * 100_000 + "1" + ")" * 100_000, "{a}", 0),
    "parentheses_left_open": constants("(" * 60, "{a}", 0) * 2_000,
    "calls": constants("max(" * 50_000, "{a}", 0),
    "else_ifs": net("    if no { relu }" + " else if no { relu }" * 20_000),
    "else_ifs_taken": net("    if no { relu }" + " else if no { relu }" * 150 + " else { tanh }"),
    "groups": net("    " + "{ " * 60 + "relu" + " }" * 60),
    "labelled_groups": net("    " + "g: { " * 60 + "relu" + " }" * 60),
    "statements": net(*["    relu"] * 60_001),
    "steps_on_a_line": net("    " + ",".join(["relu"] * 60_001)),
    "commas": "," * 200_000,
    "newlines": "\n" * 900_000,
    "spaces": " " * 900_000,
    "comment": "#" * 1_000_000,
    "colons": net("    " + "a: " * 50_000 + "relu"),
    "bars": net("    add { " + "| " * 100_000 + "}"),
    "paths": net("    add { " + "| relu " * 50_000 + "}"),
    "identities": net("    add { " + "| identity " * 50_000 + "}"),
    "keywords": net("    conv 8@3x3 " + "pad=1 " * 50_000),
    "positionals": net("    conv " + "8 " * 100_000),
    "labels": net(f'    "{"x" * 10_000}": relu'),
    "names": net(f"    {'x' * 10_000}: relu"),
    "strings": net(f'    conv 8@3x3 pad="{"x" * 900_000}"'),
    "open_strings": net('    conv "\n' * 20_000),
    "digits": net(f"    conv {'9' * 5_000}@3x3"),
    "digits_of_a_float": net(f"    dropout 0.{'9' * 5_000}"),
    "exponents": net("    dropout 1e" + "9" * 5_000),
    "sizes": net("    conv 8@" + "x".join(["3"] * 100_000)),
    "references": net("    from " + ".".join(["a"] * 100_000)),
    "outputs": net("    a: relu", "    output " + "a " * 50_000),
    "holes": net("    " + "a{1}" * 50_000 + ": relu"),
    "wrong_words": net(*["    rleu"] * 30_000),
    "wrong_characters": "€" * 300_000,
    "wrong_lines": "? ! ;\n" * 30_000,
    "wrong_sizes": net(*["    conv 8@99x99"] * 10_000),
    "wrong_claims": net(*["    relu -> 7"] * 10_000),
    "wrong_joins": net(*["    add { | conv 8@1x1 | conv 9@1x1 }"] * 5_000),
    "duplicates": net(*["    a: relu"] * 20_000),
    "nets": "\n".join(f"net N{n} {{ input 3@8x8, relu }}" for n in range(10_000)),
    "variants": "net P(a=1) {\n    input 3@8x8\n    repeat 200 { relu }\n}\n"
    + "\n".join(f"net V{n} = P a={n}" for n in range(3_000)),
    "chain_of_variants": "net V0(a=1) { input 3@8x8, relu }\n"
    + "\n".join(f"net V{n} = V{n - 1} a={n}" for n in range(1, 3_000)),
    "blocks": "\n".join(f"block B{n} {{ relu }}" for n in range(15_000)) + "\n" + net("    B1"),
    "defaults": net(*[f"    default conv stride={n}" for n in range(20_000)]),
    "uses": 'use "blocks/residual.cnn"\n' * 20_000 + net("    relu"),
    "uses_of_nothing": 'use "nothing.cnn"\n' * 20_000,
    "layers": net("    repeat 99000 { relu }"),
    "labelled_layers": net("    repeat i in 99000 { e{i}: relu }"),
    "named_references": net("    e: relu", "    repeat i in 30000 { from e\n relu }"),
    "suggestions": net(
        *(f"    from label{n}x" for n in range(3_000)), *(f"    label{n}: relu" for n in range(3_000))
    ),
    "unknown_names": "\n".join(f"a{n} = {n}" for n in range(3_000))
    + "\n"
    + net(*(f"    conv b{n}a@3x3" for n in range(3_000))),
    "allowances": "# allow W0502\n" * 60_000,
}

_LATE = (
    "repeats_by_an_expression",
    "again_doubles",
    "again_of_a_repeat",
    "deep_runs_again",
)
LATE = {name: BOMBS.pop(name) for name in [*BOMBS] if name in _LATE or "_in_a_repeat" in name}
HEAVY |= {name: BOMBS.pop(name) for name in ("polynomials", "polynomials_in_a_loop", "quotients")}
