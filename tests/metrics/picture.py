"""Panels as a picture, much as Grafana shows them: what Prometheus has of each goes in, an SVG file comes out."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt  # noqa: E402


def draw(panels: Mapping[str, Any], lines: Mapping[str, Sequence[Any]], file: Path) -> Path:
    """Two in a row."""
    drawn, axes = plt.subplots((len(panels) + 1) // 2, 2, figsize=(13, 7), layout="constrained", squeeze=False)
    start = min(one["values"][0][0] for found in lines.values() for one in found)
    for axis, (title, panel) in zip(axes.flat, panels.items(), strict=False):
        for one in lines[title]:
            x, y = zip(*((at - start, float(value)) for at, value in one["values"]), strict=True)
            axis.plot(x, y, label=_legend(panel["targets"][0]["legendFormat"], one["metric"]))
        axis.set_title(f"{title} ({panel['fieldConfig']['defaults']['unit']})", loc="left", fontsize=10)
        axis.set_xlabel("seconds")
        axis.set_ylim(bottom=0)
        axis.grid(axis="y", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    drawn.savefig(file)
    plt.close(drawn)
    return file


def _legend(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), form)
