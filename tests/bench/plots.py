"""Plots of figures: bars beside each other, and lines on logarithmic axes."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence

from ocinb.notebook.diagrams.svg import HEAD, MARGIN, WIDTH, Sheet

_BAR = 30
_COLOURS = ("accent", "change", "good", "delete")
_LEFT, _RIGHT, _PLOT = 90, 210, 300


def bars(title: str, seconds: Mapping[str, Sequence[float]]) -> str:
    """Medians as bars, the spread as a line over them; the first is ours."""
    height = HEAD + 16 + _BAR * len(seconds) + 14
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    told = "; ".join(f"{name} {_duration(median)}" for name, median in medians.items())
    sheet = Sheet(height, title=title, description=f"medians: {told}")
    sheet.head(title, "median, and a line from the quickest to the slowest round")
    longest = max((max(found) for found in seconds.values()), default=1.0) or 1.0
    start, room = 300, WIDTH - MARGIN - 300 - 90
    for number, (name, found) in enumerate(seconds.items()):
        top = HEAD + 12 + number * _BAR
        kind = "accent" if number == 0 else "edge-fill"
        sheet.text(start - 10, top + 16, name, size=12, anchor="end", room=start - MARGIN - 14)
        sheet.rect(start, top + 3, max(medians[name] / longest * room, 1), 17, kind, radius=2)
        low, high = (start + value / longest * room for value in (min(found), max(found)))
        sheet.line(low, top + 11.5, high, top + 11.5, "spread")
        sheet.text(high + 8, top + 16, _duration(medians[name]), size=12)
    sheet.rule("edge-fill", "fill:#8c959f", "fill:#6e7681")
    sheet.rule("spread", "stroke:#1f2328;stroke-width:1.5", "stroke:#e6edf3")
    return sheet.render()


def lines(title: str, unit: str, scaling: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Medians against sizes, both axes logarithmic; a grey line shows what is linear."""
    points = {
        name: sorted((int(size), statistics.median(found)) for size, found in sizes.items())
        for name, sizes in scaling.items()
    }
    flat = [point for found in points.values() for point in found]
    x_low, x_high = _decades([size for size, _ in flat])
    y_low, y_high = _decades([seconds for _, seconds in flat])
    top, bottom = HEAD + 20, HEAD + 20 + _PLOT
    sheet = Sheet(bottom + 56, title=title, description=_told(unit, points))
    sheet.head(title, f"median time against {unit}, both axes logarithmic")

    def place(size: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(size) - x_low) / max(x_high - x_low, 1)
        up = (math.log10(seconds) - y_low) / max(y_high - y_low, 1)
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), bottom - up * (bottom - top)

    for power in range(x_low, x_high + 1):
        x, _ = place(10**power, 10**y_low)
        sheet.line(x, top, x, bottom, "line")
        sheet.text(x, bottom + 18, f"{10**power:,}", "soft", size=11, anchor="middle")
    for power in range(y_low, y_high + 1):
        _, y = place(10**x_low, 10.0**power)
        sheet.line(_LEFT, y, WIDTH - _RIGHT, y, "line")
        sheet.text(_LEFT - 8, y + 4, _duration(10.0**power), "soft", size=11, anchor="end")
    sheet.text((_LEFT + WIDTH - _RIGHT) / 2, bottom + 40, unit, "soft", size=12, anchor="middle")
    for number, (name, found) in enumerate(points.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        sheet.rule(f"s{number}", f"stroke:{_SHADES[colour][0]};stroke-width:2",
                   f"stroke:{_SHADES[colour][1]}")  # fmt: skip
        places = [place(*point) for point in found]
        for one, two in itertools.pairwise(places):
            sheet.line(*one, *two, f"s{number}")
        for x, y in places:
            sheet.circle(x, y, 3.5, colour)
        sheet.rect(WIDTH - _RIGHT + 16, top + number * 24, 12, 12, colour, radius=2)
        sheet.text(WIDTH - _RIGHT + 36, top + 11 + number * 24, name, size=12, room=_RIGHT - 60)
    _show_linear(sheet, place, points, (y_low, y_high))
    return sheet.render()


_SHADES = {
    "accent": ("#0550ae", "#58a6ff"),
    "change": ("#9a6700", "#e6b045"),
    "good": ("#00704f", "#3fbf95"),
    "delete": ("#bc4b00", "#f0883e"),
}


def _show_linear(sheet: Sheet, place, points, bounds) -> None:  # type: ignore[no-untyped-def]
    """From the first line's last point backwards, as long as it is on the plot."""
    found = next(iter(points.values()))
    size, seconds = found[-1]
    least = max(found[0][0], size * 10.0 ** bounds[0] / seconds)
    if least < size:
        sheet.rule("linear", "stroke:#8c959f;stroke-dasharray:4 4", "stroke:#6e7681")
        sheet.line(*place(least, seconds * least / size), *place(size, seconds), "linear")
        top = HEAD + 20 + len(points) * 24
        sheet.text(WIDTH - _RIGHT + 16, top + 11, "- - linear", "soft", size=12)


def _told(unit: str, points: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    return "; ".join(
        f"{name}: " + ", ".join(f"{size:,} {unit} {_duration(s)}" for size, s in found)
        for name, found in points.items()
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _duration(seconds: float) -> str:
    if seconds >= 10:
        return f"{seconds:.0f} s"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 0.001:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs"
