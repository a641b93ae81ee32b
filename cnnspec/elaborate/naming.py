"""State_dict names: rule 13 of the language.

A scope is a net, a block's use, or labelled braces. Its steps are counted, labelled ones too: by their
place, as nn.Sequential counts, or, in a net and in a wired block, by their kind.
"""

from __future__ import annotations

from cnnspec.text.source import Span

# Attributes that every torch.nn.Module or nn.Sequential has: a submodule of such a name raises, or,
# worse, replaces the method without a word. A test compares the list with torch's own.
_MODULE_ATTRIBUTES = """
_apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl _forward_hooks
_forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks
_forward_pre_hooks_with_kwargs _get_backward_hooks _get_backward_pre_hooks _get_item_by_idx
_get_name _is_full_backward_hook _load_from_state_dict _load_state_dict_post_hooks
_load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _modules _named_members
_non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook _register_state_dict_hook
_replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks
_state_dict_pre_hooks _version _wrapped_call_impl add_module append apply bfloat16 buffers
call_super_init children compile cpu cuda double dump_patches eval extend extra_repr float forward
get_buffer get_extra_state get_parameter get_submodule half insert ipu load_state_dict modules mtia
named_buffers named_children named_modules named_parameters parameters pop register_backward_hook
register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook
requires_grad_ set_extra_state set_submodule share_memory state_dict T_destination to to_empty train
training type xpu zero_grad
"""
TAKEN = frozenset(_MODULE_ATTRIBUTES.split())


def carries(name: str) -> bool:
    """Whether a torch module can have a submodule of this name."""
    return name not in TAKEN and not name.startswith("__")


def free_name(name: str) -> str:
    """A name like the taken one that a module can carry."""
    return f"{name.strip('_') or 'step'}_"


class NameScope:
    """The names given so far in one scope; `prefix` is its path within its owner, with a dot."""

    __slots__ = ("by_kind", "count", "joins", "kinds", "parts", "prefix", "taken")

    def __init__(self, prefix: str, by_kind: bool) -> None:
        self.prefix, self.by_kind = prefix, by_kind
        self.count = 0
        self.kinds: dict[str, int] = {}
        self.joins: dict[str, int] = {}
        self.taken: dict[str, Span] = {}
        self.parts: dict[str, NameScope] = {}  # scopes that labels with dots name

    def name(self, label: str | None, kind: str, span: Span) -> tuple[str, Span | None]:
        """The path of the next step, and, where the name is taken, the place that took it."""
        if self.by_kind:
            # conv, stem: conv, conv -> conv1, stem, conv3: the labelled one counts.
            number = self.kinds[kind] = self.kinds.get(kind, 0) + 1
            name = label or f"{kind}{number}"
        elif label is None:
            name = str(self.count)
        else:
            name = label
        # A number as label sets the count, as in a C enum.
        # conv, 5: relu, conv -> 0, 5, 6. Ten digits and more are a name like any other.
        self.count = int(name) + 1 if name.isdecimal() and len(name) < 10 else self.count + 1
        return self.reserve(name, span)

    def within(self, name: str, span: Span) -> tuple[NameScope, Span | None]:
        """The scope that labels with dots name, the same each time, and the place of a step of that name."""
        if name in self.parts:
            return self.parts[name], None
        path, earlier = self.reserve(name, span)
        self.parts[name] = NameScope(path + ".", by_kind=False)
        return self.parts[name], earlier

    def reserve(self, name: str, span: Span) -> tuple[str, Span | None]:
        """The path of a step that bears a name and does not count, and the place that took it before."""
        earlier = self.taken.get(name)
        if earlier is None:
            self.taken[name] = span
        return self.prefix + name, earlier

    def has_room(self, kinds: list[str], times: int) -> bool:
        """Whether `times` runs of unlabelled steps of these kinds would find all their names free."""
        if not self.by_kind:
            return not any(str(self.count + n) in self.taken for n in range(len(kinds) * times))
        return not any(
            f"{kind}{self.kinds.get(kind, 0) + n}" in self.taken
            for kind in set(kinds)
            for n in range(1, kinds.count(kind) * times + 1)
        )

    def join_path(self, kind: str) -> str:
        """A path for an unlabelled join, which has no weights and takes no number from the steps."""
        number = self.joins.get(kind, 0) + 1
        while f"{kind}{number}" in self.taken:
            number += 1
        self.joins[kind] = number
        return f"{self.prefix}{kind}{number}"
