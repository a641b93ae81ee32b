"""report.html: one page about a run, that needs no network and no script; and its pictures as files.

evidence   what the folder tells
charts     curves and the confusion matrix, as SVG
pictures   mistakes, filters, feature maps
document   all of it on the page
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnnspec.text.output import write as write_file
from cnnspec.train.report.document import page
from cnnspec.train.report.evidence import read_run

REPORT = "report.html"


def write(run: Path, limits: Mapping[str, int] = {}) -> None:
    """Write the page of a run into its folder; `limits` bound its net.

    Raises RunProblem where the folder holds not all of a run, FileProblem where it cannot be written.
    """
    write_file(str(run / REPORT), page(read_run(run, limits)))
