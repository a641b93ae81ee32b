"""How fixes are found. That each one shown mends its fault, test_errors.py tries on every mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cnnspec.compiler import Checked, check
from cnnspec.elaborate.settings import Settings
from cnnspec.faults.fixes import MOST_FAULTS, MOST_FIXES, with_fixes
from cnnspec.faults.fixes.trial import MOST_TRIES, Recheck
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, apply
from cnnspec.text.files import read_used
from cnnspec.text.source import Source, Span
from cnnspec.values.shapes import Shape
from tests.safety.running import ROOT


def net(*lines: str) -> str:
    return "net A {\n    " + "\n    ".join(lines) + "\n}\n"


def recheck(text: str, *, inputs: Mapping[str, Shape] = {}, lint: bool = False) -> Checked:
    return check(Source("x.cnn", text), settings=Settings({}, inputs))


def recheck_with_library(text: str, *, inputs: Mapping[str, Shape] = {}, lint: bool = False) -> Checked:
    return check(Source("x.cnn", text), read_used)


def mended(text: str, compiler: Recheck = recheck, layers: int = 0) -> tuple[Source, list[Diagnostic]]:
    source = Source("x.cnn", text)
    found = check(source)
    return source, with_fixes(source, found._replace(expanded=found.expanded + layers), compiler)


def titles(*lines: str) -> list[str]:
    """The fixes of a net with one fault."""
    _, (fault,) = mended(net(*lines))
    return [fix.title for fix in fault.fixes]


LENET = (
    "input 1@28x28",
    "conv 6@5x5, tanh, avgpool 2x2",
    "conv 16@5x5, tanh, avgpool 2x2",
    "flatten, linear 120 in=400",
)


class TestSizes:
    def test_the_example_of_the_design(self) -> None:
        assert titles(*LENET) == [
            "drop `in=400`: 256 is inferred",
            "`pad=2` on the first conv gives 28 28 14 10 5",
            "or an input from 32x32 to 35x35",
        ]

    def test_the_range_of_inputs_is_exact(self) -> None:
        text = net(*LENET)
        for size, ok in ((31, False), (32, True), (35, True), (36, False)):
            assert recheck(text.replace("28x28", f"{size}x{size}")).ok is ok

    def test_dropping_what_is_inferred_leaves_no_blank_and_is_not_safe(self) -> None:
        """It is one way of three, and the author may have been right."""
        source, (fault,) = mended(net(*LENET))
        assert [fix.safe for fix in fault.fixes] == [False] * 3
        assert "linear 120\n" in apply(source.text, fault.fixes[0].edits)

    def test_an_own_pad_is_changed_where_it_stands(self) -> None:
        source, (fault,) = mended(net("input 1@4x4", "conv 8@7x7 pad=1 stride=2"))
        assert "conv 8@7x7 pad=3 stride=2" in apply(source.text, fault.fixes[0].edits)

    def test_a_pad_of_words_is_left_alone(self) -> None:
        found = titles("input 1@4x4", 'conv 8@3x3 pad="same", conv 8@5x5')
        assert found[0] == "`pad=2` on this conv gives 4 4 4"

    def test_an_oblong_kernel_has_an_oblong_pad(self) -> None:
        assert titles("input 1@4x4", "conv 8@1x7")[0] == "`pad=0x3` on this conv gives 4 4"

    def test_a_pad_before_a_window_tells_what_it_leads_to(self) -> None:
        assert "`pad=2` on the conv gives 8 8 1" in titles("input 3@8x8", "conv 4@5x5", "maxpool 7x7")

    def test_a_side_that_is_long_enough_stays(self) -> None:
        source, (fault,) = mended(net("input 1@4x7", "conv 8@7x3"))
        (fix,) = (fix for fix in fault.fixes if fix.title == "or an input of at least 7x3")
        assert "input 1@7x7" in apply(source.text, fix.edits)

    def test_a_smaller_window_is_odd_where_it_was_odd_and_no_point(self) -> None:
        assert "a smaller window, `3x3`, fits" in titles("input 1@4x4", "conv 8@5x5")
        assert not any("smaller" in title for title in titles("input 1@1x1", "maxpool 2x2"))

    def test_inputs_in_steps(self) -> None:
        found = titles(
            "input 1@30x30",
            "a: relu",
            "maxpool 2x2, maxpool 2x2, maxpool 2x2",
            "upsample 8",
            "concat { | from a | identity }",
        )
        assert found == ["crop it: `from a, crop 24x24`", "or an input of 32x32: at least 8x8, in steps of 8"]

    def test_numbers_are_read_so_that_their_count_of_channels_is_true(self) -> None:
        """PyTorch has the channels that arrive first, Keras the filters."""
        assert titles("input 3@32x32", "conv 32@3x3", "conv 64 3 1") == ["write `conv 64@3x3 stride=1`"]
        assert titles("input 3@32x32", "conv 64@3x3", "conv 64 3 1") == ["write `conv 3@1x1`"]

    def test_a_skip_of_twice_the_size_is_not_cropped(self) -> None:
        """It lacks a stride; so is a path that is made here, and what is added."""
        for steps, join in (("conv 8@2x2 stride=2", "concat"), ("conv 8@3x3", "add")):
            found = titles("input 8@30x30", "a: relu", steps, f"{join} {{ | from a | identity }}")
            assert not any("crop" in title for title in found)

    def test_each_side_goes_to_its_own_nearest_size(self) -> None:
        found = titles("input 1@30x41", "a: relu", "maxpool 8x8", "upsample 8", "add { | from a | identity }")
        assert found[-1] == "an input of 32x40: at least 8x8, in steps of 8"

    def test_a_claim_bounds_the_inputs_that_would_do(self) -> None:
        found = titles("input 1@9x9", "conv 4@2x2 stride=2 -> 4@5x5")
        assert found[-1] == "or an input from 10x10 to 11x11"

    def test_an_input_of_the_command_line_is_advised(self) -> None:
        text = net("input 1@32x32", "a: relu", "maxpool 8x8, upsample 8", "add { | from a | identity }")

        def compiler(
            text: str, *, inputs: Mapping[str, Shape] = {"": Shape(1, 30, 30)}, lint: bool = False
        ) -> Checked:
            return check(Source("x.cnn", text), settings=Settings({}, inputs))

        source = Source("x.cnn", text)
        before = check(source, settings=Settings({}, {"": Shape(1, 30, 30)}))
        (fault,) = with_fixes(source, before, compiler)
        assert fault.fixes == (Fix("an input of 32x32: at least 8x8, in steps of 8"),)

    def test_a_claim_with_the_wrong_channels_is_mended_itself(self) -> None:
        found = titles("input 1@8x8", "conv 4@3x3, relu -> 5@6x6")
        assert found == ["claim what it is: `-> 4@6x6`", "`conv 5@3x3` makes what is claimed"]

    def test_claims_that_follow_from_the_first_go_with_it(self) -> None:
        lines = [
            "input 1@8x8",
            "conv 4@3x3 -> 5@6x6",
            "relu",
            "maxpool 2 -> 5@3x3",
            "flatten -> 45",
            "linear 2 -> 2",
        ]
        source, (fault,) = mended(net(*lines))
        assert [fix.title for fix in fault.fixes] == [
            "`conv 5@3x3` makes what is claimed",
            "claim what it is: `-> 4@6x6`; likewise in line 5, 6",
        ]
        text = apply(source.text, fault.fixes[1].edits)
        assert text == source.text.replace("5@6x6", "4@6x6").replace("5@3x3", "4@3x3").replace("45", "36")

    def test_inputs_that_are_computed_are_not_touched(self) -> None:
        _, (fault,) = mended("net A(size=2) {\n    input 1@[2 * size, 2 * size]\n    conv 8@5x5\n}\n")
        assert Fix("or an input of at least 5x5") in fault.fixes

    @pytest.mark.parametrize(
        ("text", "mended_text"),
        [
            ("net A(size=4) { input 1@size\nconv 8@5x5 }", "net A(size=5) { input 1@size\nconv 8@5x5 }"),
            (
                "net A(size) { input 1@[size, size]\nconv 8@5x5 }\nnet B = A size=4",
                "net A(size) { input 1@[size, size]\nconv 8@5x5 }\nnet B = A size=5",
            ),
            (
                "net C = B\nnet B = A size=4\nnet A(size=9) { input 1@size\nconv 8@5x5 }",
                "net C = B\nnet B = A size=5\nnet A(size=9) { input 1@size\nconv 8@5x5 }",
            ),
        ],
    )
    def test_an_input_of_a_parameter_is_mended_where_its_value_stands(
        self, text: str, mended_text: str
    ) -> None:
        source, (fault,) = mended(text)
        (fix,) = (fix for fix in fault.fixes if "input" in fix.title)
        assert fix.title == "or `size=5`: an input of at least 5x5"
        assert apply(source.text, fix.edits) == mended_text

    def test_no_input_of_one_pixel(self) -> None:
        """Of 1x1 any join is right."""
        found = titles("input 4@3x3", "a: relu", "conv 4@3x3 pad=1 stride=3", "add { | from a | identity }")
        assert not any("1x1" in title for title in found)

    @pytest.mark.parametrize(
        "line",
        [
            "convtranspose 8@1000000x3 stride=2 -> 8@24x24",
            "convtranspose 8@3x3 stride=[1, 1000000] -> 8@24x24",
            "conv 8@1000000x3 pad=[500000, 1] -> 8@24x24",
        ],
    )
    def test_what_is_tried_does_not_grow_with_a_number_of_the_text(self, line: str) -> None:
        _, faults = mended(net("input 1@24x24", line))
        assert [fault.code for fault in faults] == ["E0403"]


class TestJoins:
    def test_a_net_without_parameters_is_projected_without_a_condition(self) -> None:
        source, (fault,) = mended(net("input 8@8x8", "add { | conv 16@3x3 stride=2 pad=1 | identity }"))
        assert "| conv 16@1x1 stride=2 }" in apply(source.text, fault.fixes[0].edits)

    def test_a_pad_is_missing(self) -> None:
        found = titles("input 8@8x8", "concat { | conv 4@3x3 | conv 4@5x5 pad=2 }")
        assert found[0].startswith("`pad=1` on the conv in line 3")

    def test_a_join_of_one_path_that_is_a_wire_within_a_path(self) -> None:
        """What enters that join leaves it: it makes nothing."""
        found = titles("input 8@8x8", "conv 8@3x3", "concat { | mul { | identity } | conv 4@3x3 }")
        assert any("`pad=1` on the conv in line 4" in title for title in found)

    def test_a_pool_whose_stride_is_its_window(self) -> None:
        found = titles("input 8@9x9", "concat { | maxpool 3x3 pad=1 | conv 4@1x1 }")
        assert any("`stride=1` on the maxpool" in title for title in found)

    @pytest.mark.parametrize(
        ("lines", "title"),
        [
            (
                ["input 8@8x8", "add { | identity | maxpool 5x5 stride=1, maxpool 3x3 stride=1 pad=1 }"],
                "`pad=2` on the maxpool in line 3 gives 8@8x8",
            ),
            (
                ["input 8@8x8", "e: relu", "maxpool 4", "upsample 2", "add { | identity | from e }"],
                "`factor=4` on the upsample gives 8 2 8",
            ),
            (
                ["input 8@9x9", "concat { | maxpool 3x3 stride=2 | avgpool 2x2 ceil=yes }"],
                "`ceil=no` on the avgpool gives 16@4x4",
            ),
        ],
    )
    def test_the_layer_that_makes_another_size_is_solved_for(self, lines: list[str], title: str) -> None:
        assert title in titles(*lines)

    def test_lost_pixels_are_brought_back_by_no_factor(self) -> None:
        found = titles("input 1@30x30", "e: relu", "maxpool 8", "upsample 8", "add { | identity | from e }")
        assert not any("factor" in title for title in found)

    def test_a_join_that_goes_wrong_at_several_turns_has_an_input_that_mends_all(self) -> None:
        found = titles(
            "input 1@100x100",
            "repeat i in 5 { d{i}: relu, maxpool 2 }",
            "repeat i in [4, 3, 2, 1, 0] { upsample 2, add { | from d{i} | identity } }",
        )
        assert found == ["an input of 96x96: at least 32x32, in steps of 32"]


class TestWords:
    @pytest.mark.parametrize(
        ("line", "mended_line"),
        [
            ("Conv2d 4@3x3", "conv 4@3x3"),
            ("conv 4@3x3 padding=1", "conv 4@3x3 pad=1"),
            ("conv 4 3x3", "conv 4@3x3"),
            ("maxpool 2x2 2", "maxpool 2x2 stride=2"),
            ("relu softmax", None),
            ("dropout 0.5 relu", "dropout 0.5, relu"),
            ("conv 4@3x3 bias=False", "conv 4@3x3 bias=no"),
            ("conv 4@3x3 bias=0", "conv 4@3x3 bias=no"),
            ("conv (9 / 2)@3x3", "conv (9 // 2)@3x3"),
            ("conv 4@3x3 stride=0", "conv 4@3x3 stride=1"),
            ("conv 4@3x3 pad=1 pad=1", "conv 4@3x3 pad=1"),
            ("conv 9@3x3 groups=4", "conv 9@3x3 groups=3"),
            ('conv 4@3x3 pad="valid"', "conv 4@3x3 pad=0"),
            ("train: relu", "train_: relu"),
            ("linear 10", "flatten, linear 10"),
        ],
    )
    def test_the_first_fix(self, line: str, mended_line: str | None) -> None:
        source, (fault,) = mended(net("input 3@16x16", line))
        after = apply(source.text, fault.fixes[0].edits) if fault.fixes else None
        assert after == (mended_line and net("input 3@16x16", mended_line))

    def test_an_argument_given_twice_alike_is_dropped_safely(self) -> None:
        _, (fault,) = mended(net("input 3@16x16", "conv 4@3x3 pad=1 pad=1"))
        assert [fix.safe for fix in fault.fixes] == [True]


class TestTrials:
    def test_what_does_not_mend_is_not_shown(self) -> None:
        source = Source("x.cnn", net("input 3@16x16", "cnov 4@3x3"))
        found = check(source)
        (fault,) = found.diagnostics
        wrong = Fix("rename it", (Edit(fault.span, "convolve"),))
        (shown,) = with_fixes(
            source, found._replace(diagnostics=(fault._replace(fixes=(wrong, *fault.fixes)),)), recheck
        )
        assert [fix.title for fix in shown.fixes] == ["did you mean `conv`?"]

    def test_advice_in_words_is_kept(self) -> None:
        source = Source("x.cnn", net("input 3@16x16", "relu"))
        fault = Diagnostic("E0412", "odd", Span(source, 0, 3), fixes=(Fix("think again"),))
        assert with_fixes(source, Checked((), (fault,)), recheck)[0].fixes == (Fix("think again"),)

    def test_only_the_first_faults_are_sought_for_and_few_fixes_shown(self) -> None:
        _, faults = mended(net("input 3@16x16", *["cnov 4@1x1"] * (MOST_FAULTS + 3)))
        assert [bool(fault.fixes) for fault in faults] == [True] * MOST_FAULTS + [False] * 3
        assert all(len(fault.fixes) <= MOST_FIXES for fault in faults)

    @pytest.mark.parametrize(("layers", "most"), [(0, MOST_TRIES), (1_000, 25), (100_000, 0)])
    def test_a_large_network_is_tried_less_often(self, layers: int, most: int) -> None:
        tried = []

        def counted(text: str, *, inputs: Mapping[str, Shape] = {}, lint: bool = False) -> Checked:
            tried.append(text)
            return recheck(text)

        mended(net("input 1@4x4", "conv 8@99x99"), counted, layers)
        assert len(set(tried)) == len(tried) <= most
        assert bool(tried) is bool(most)

    @pytest.mark.parametrize("large", [{"expanded": 100_000}, {"work": 400_000}])
    def test_a_try_that_turns_out_large_is_the_last(self, large: dict[str, int]) -> None:
        tried = []

        def compiler(text: str, *, inputs: Mapping[str, Shape] = {}, lint: bool = False) -> Checked:
            tried.append(text)
            return recheck(text)._replace(**large)

        mended(net("input 1@4x4", "conv 8@99x99"), compiler)
        assert len(tried) == 1

    def test_work_is_counted_where_faults_leave_no_layers(self) -> None:
        """A block with an unknown step has no layers to count, but each use is looked into."""
        blocks = "block B(i) { add { | cnov 4@1x1 | identity } }\n"
        few, many = (recheck(blocks + net("input 4@8x8", f"repeat i in {n} {{ B i }}")) for n in (2, 400))
        assert many.work > 100 * few.work

    def test_a_fault_in_another_file_is_left_alone(self) -> None:
        source, other = Source("x.cnn", net("input 3@16x16", "relu")), Source("y.cnn", "block B { cnov 3 }")
        fault = Diagnostic(
            "E0201", "no", Span(other, 10, 14), fixes=(Fix("c", (Edit(Span(other, 10, 14), "conv"),)),)
        )
        assert with_fixes(source, Checked((), (fault,)), recheck)[0].fixes == ()

    def test_a_fix_may_bring_to_light_what_the_fault_hid_but_no_more(self) -> None:
        _, faults = mended(net("input 3@16x16", "cnov 4@3x3 strides=2"))
        assert [fix.title for fix in faults[0].fixes] == ["did you mean `conv`?"]

    def test_a_fault_further_down_does_not_take_the_fix_of_the_first_away(self) -> None:
        _, (fault,) = mended(net("input 1@70x70", "conv 64@7x7 in=3, relu", "conv 128@3x3 in=32"))
        assert [fix.title for fix in fault.fixes] == ["drop `in=3`: 1 is inferred"]

    def test_what_leaves_another_fault_gives_way_to_what_leaves_none(self) -> None:
        join = "add { | conv 4@3x3 stride=2 pad=1 | identity }"
        project = "project the short path where the other changes the shape"
        assert project in titles("input 4@8x8", join)
        found = titles("input 4@8x8", join, "relu -> 4@8x8")
        assert found == ["`stride=1` on the conv in line 3"]


def wordless(found: Checked) -> Checked:
    """With no word in any message, label or note."""
    return found._replace(
        diagnostics=tuple(
            d._replace(message="", label="", notes=tuple(note._replace(message="") for note in d.notes))
            for d in found.diagnostics
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "errors").glob("E*.cnn")), ids=lambda path: path.stem
)
def test_fixes_need_no_word_of_a_message(path: Path) -> None:
    """What they need of a fault is data."""

    def edits(change: Callable[[Checked], Checked]) -> list[list[tuple[str, ...]]]:
        def recheck(text: str, *, inputs: Mapping[str, Shape] = {}, lint: bool = False) -> Checked:
            return change(check(Source(str(path), text), read_used, settings=Settings({}, inputs), lint=lint))

        source = Source(str(path), path.read_text("utf-8"))
        found = with_fixes(source, change(check(source, read_used)), recheck)
        return [[tuple(e.text for e in fix.edits) for fix in fault.fixes] for fault in found]

    assert edits(wordless) == edits(lambda found: found)


def test_an_input_beyond_all_bounds_is_passed_over() -> None:
    """The search goes on from a size that no input may have: the net that was tried there knows no input."""
    lines = ("input 3@32x2147483647", "e: conv 8@3x3 pad=1", "maxpool 2x2, upsample 2")
    assert titles(*lines, "concat { | from e | identity }")[-1] == "or an input of 32x2147483646"


def test_a_use_stands_above_the_comment_of_the_first_item() -> None:
    text = "# a net\n\n# of 32 pixels\n  net A {\n    input 3@32x32\n    Basic 8\n}\n"
    source = Source("x.cnn", text)
    (fault,) = with_fixes(source, check(source, read_used), recheck_with_library)
    use = 'use "blocks/residual.cnn"\n\n# of'
    assert apply(text, fault.fixes[0].edits) == text.replace("# of", use)
