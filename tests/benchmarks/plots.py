"""The plots of the page, drawn from the JSON of a run.

::

    nox -s plots                                     draws them, in an environment that has matplotlib
    python -m tests.benchmarks.plots RESULTS FOLDER  the same, where matplotlib is installed

It imports the standard library and matplotlib, and nothing of ours: the environment has nothing else. Equal results
give equal files: no date is in them, and no id is drawn by chance.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE: Mapping[str, Any] = {
    "svg.hashsalt": "wallet",  # ids in the file are hashes: the same each time
    "svg.fonttype": "none",  # text stays text, a tenth of the size
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "figure.facecolor": "white",  # readable on a dark page too
}

GREY, BLUE, ORANGE = "#9a9a9a", "#3b6ea5", "#d9822b"
COLOURS = {"motor": BLUE, "pymongo": ORANGE}
"""One colour for each driver, in every plot; what is not ours is grey."""

PAGES = {"page": "page seen before", "moved-page": "one entry since", "unseen-page": "page read anew"}
"""The rows that are pages of 50."""

STAGE_COLOURS = ("#9ecae1", "#c6dbef", "#a1d99b", "#c7e9c0", "#fdae6b", "#fdd0a2", "#dadaeb", "#d9d9d9")
"""Light ones: a number stands in each. Neighbours belong together: the way in, our own work, the way out."""

MEMORY_SHOWN_MIB = 160
"""A bit more than the target, 150: how far away it is can be seen."""

COLUMNS = 3
"""Curves beside each other."""

HEADROOM = 1.1
"""How far an axis goes beyond the largest value, so that no point lies on the frame."""

LABEL_SHARE = 0.03
"""A stage that is narrower than this share of the bar has no room for its number."""

Results = Mapping[str, Any]


def bars(axes: Axes, rows: Iterable[tuple[str, Mapping[str, Any], str]], unit: str) -> None:
    """Draw medians as bars, the first on top, each with the range of its values."""
    named = list(rows)
    places = range(len(named), 0, -1)
    for place, (_, figure, colour) in zip(places, named, strict=True):
        middle, values = figure["median"], figure["values"]
        spread = [[middle - min(values)], [max(values) - middle]]
        axes.barh(place, middle, color=colour, xerr=spread, ecolor="#333333", capsize=2, height=0.7)
        axes.text(middle, place, f"   {middle:,.0f}", va="bottom", fontsize=8)
    axes.set_yticks(list(places), [name for name, _, _ in named])
    axes.set_xlabel(unit)
    axes.grid(visible=False, axis="y")


def drains(results: Results) -> Figure:
    """Draw the rates of all drains, with the reference loop on top."""
    rows = results["drains"]["rows"]
    names = {"drain": "1,000 wallets", "hot": "one hot wallet", "many": "many wallets", "pair": "two processes"}
    echo = [("bare echo loop", row["reference"], GREY) for row in rows if row["target"] == "drain"][:1]
    ours = [
        (f"{names[row['target']]}, {row['driver']}", row["ours"], COLOURS[row["driver"]])
        for row in rows
        if row["target"] in names
    ]
    figure, axes = _figure(7.5, 1.2 + 0.35 * len([*echo, *ours]))
    bars(axes, [*echo, *ours], "transfers per second, median and range")
    return figure


def reads(results: Results) -> Figure:
    """Draw the rates of all reads, with the references on top."""
    rows = results["reads"]["rows"]
    bare = [("bare Starlette", row["reference"], GREY) for row in rows if row["target"] == "wallet"][:1]
    found = [(f"one find_one, {row['driver']}", row["reference"], GREY) for row in rows if row["target"] == "find-one"]
    ours = [
        (f"wallet, {row['driver']}", row["ours"], COLOURS[row["driver"]]) for row in rows if row["target"] == "wallet"
    ]
    pages = [
        (f"{PAGES[row['target']]}, {row['driver']}", _rates(row["ours"]), COLOURS[row["driver"]])
        for row in rows
        if row["target"] in PAGES
    ]
    named = [*bare, *found, *ours, *pages]
    figure, axes = _figure(7.5, 1.2 + 0.35 * len(named))
    bars(axes, named, "requests per second, median and range")
    return figure


def costs(results: Results) -> Figure:
    """Draw what one event costs, one bar for each driver, cut into stages."""
    cost_us = results["costs"]["shown"]["cost_us"]
    figure, axes = _figure(7.5, 1.3 + 0.5 * len(cost_us))
    stages = list(next(iter(cost_us.values())))
    ends = dict.fromkeys(cost_us, 0.0)
    for stage, colour in zip(stages, STAGE_COLOURS, strict=True):
        for driver, parts in cost_us.items():
            width = max(0.0, parts[stage])
            axes.barh(
                driver, width, left=ends[driver], color=colour, label=stage if driver == next(iter(cost_us)) else None
            )
            if width >= sum(parts.values()) * LABEL_SHARE:
                axes.text(ends[driver] + width / 2, driver, f"{width:.0f}", ha="center", va="center", fontsize=8)
            ends[driver] += width
    axes.set_xlabel("microseconds of processor time per event, in the service's process")
    axes.grid(visible=False, axis="y")
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, fontsize=8)
    return figure


def memory(results: Results) -> Figure:
    """Draw the memory of the service over a long drain."""
    shown = results["memory"]["shown"]
    figure, axes = _figure(7.5, 2.6)
    for driver, samples in shown["rss_mib"].items():
        times_s = [number * shown["every_s"] for number in range(len(samples))]
        axes.plot(times_s, samples, color=COLOURS[driver], label=driver)
    axes.set_ylim(0, MEMORY_SHOWN_MIB)
    axes.set_xlabel("seconds of the drain")
    axes.set_ylabel("resident MiB")
    axes.legend(frameon=False)
    return figure


def curves(results: Results) -> Figure:
    """Draw every scaling curve."""
    shown = results["curves"]["shown"]
    named = shown["curves"]
    lines = -(-len(named) // COLUMNS)
    figure = Figure(figsize=(9.5, 2.7 * lines), layout="constrained")
    for number, curve in enumerate(named, 1):
        axes = figure.add_subplot(lines, COLUMNS, number)
        axes.plot(curve["x"], curve["rate"], marker="o", markersize=3, color=COLOURS[shown["driver"]])
        if curve["log"]:
            axes.set_xscale("log")
            axes.minorticks_off()
        axes.set_xticks(curve["x"], labels=map(str, curve["x"]), fontsize=7)
        axes.set_ylim(0, HEADROOM * max(curve["rate"]))
        axes.set_xlabel(curve["axis"], fontsize=8)
        axes.set_ylabel("transfers/s" if number % COLUMNS == 1 else "")
    return figure


PLOTS: Mapping[str, Callable[[Results], Figure]] = {
    "drains": drains,
    "reads": reads,
    "costs": costs,
    "memory": memory,
    "curves": curves,
}
"""Each plot, by the section that it needs and the file that it becomes."""


def main() -> None:
    """Draw what there are results for."""
    results_file, folder = sys.argv[1:]
    results = json.loads(Path(results_file).read_text(encoding="utf-8"))
    with mpl.rc_context(dict(STYLE)):
        for name, draw in PLOTS.items():
            if name in results:
                draw(results).savefig(Path(folder) / f"{name}.svg", metadata={"Date": None})


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _rates(times_ms: Mapping[str, Any]) -> dict[str, Any]:
    """Turn milliseconds per request into requests per second."""
    values: Sequence[float] = times_ms["values"]
    return {"median": 1_000 / times_ms["median"], "values": [1_000 / value for value in values]}


if __name__ == "__main__":
    main()
