"""The codes, by what they are about: their pages' examples are specifications, or what is to become one."""

from __future__ import annotations

from cnnspec.faults import explain

OF_IMPORTS = [code for code in explain.codes() if code.startswith("E10")]
OF_SPECIFICATIONS = [code for code in explain.codes() if code not in OF_IMPORTS]
