"""Reports of figures: Markdown for the documentation, and one HTML page with plots.

python -m tests.bench.report FIGURES.json [--html FILE] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from tests.bench.plots import bars, lines

Figures = dict[str, Any]


def begun(load: float, rounds: int) -> Figures:
    """What figures begin with: of which machine they are, when, and of what."""
    return {
        "machine": {
            "processors": os.cpu_count(),
            "processor": _processor(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        },
        "time": _now(),
        "commit": _commit(),
        "load": round(load, 2),
        "rounds": rounds,
        "subjects": {},
    }


def again(figures: Figures, earlier: Path) -> Figures:
    """Figures to which those of some subjects are added, in place of what they were.

    Args:
        figures: as ``begun`` gave them.
        earlier: a file with figures; not there, or of another machine: they are not used.
    """
    kept: Figures = json.loads(earlier.read_bytes()) if earlier.exists() else figures
    return kept if kept["machine"] == figures["machine"] else figures


def subject(figures: Figures, name: str, what: str, rounds: int) -> list[dict[str, object]]:
    """The list into which a subject's comparisons go."""
    made: list[dict[str, object]] = []
    figures["subjects"][name] = {
        "what": what,
        "command": f"python -m tests.bench --only {name}"
        + (f" --rounds {rounds}" if rounds != figures["rounds"] else ""),
        "load": round(os.getloadavg()[0], 2),
        "time": _now(),
        "commit": _commit(),
        "comparisons": made,
    }
    return made


def write(figures: Figures, *, html: Path | None = None, markdown: Path | None = None) -> None:
    """Write the reports that are asked for."""
    if markdown:
        markdown.write_text(as_markdown(figures))
    if html:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(as_html(figures))


def as_markdown(figures: Figures) -> str:
    """The tables."""
    out = [
        "# Figures beside the peers",
        "",
        "Made by `make bench` from [benchmarks.json](benchmarks.json); the appendix "
        "[notebooks/appendix-benchmarks.ipynb](../notebooks/appendix-benchmarks.ipynb) reads the "
        "same figures. The first row of a table is ours; ratios are to it.",
        "",
        _of(figures),
    ]
    for found in figures["subjects"].values():
        out += ["", f"## {_capital(found['what'])}", ""]
        out.append(f"Repeat it: `{found['command']}`{_measured(figures, found)}")
        for comparison in found["comparisons"]:
            out += ["", f"### {_capital(comparison['title'])}", "", *_table(comparison)]
            notes = comparison.get("notes") or []
            out += [""] * bool(notes) + [f"- {note}" for note in notes]
    if not figures["subjects"]:
        out += ["", "No run on a quiet machine has been kept yet."]
    return "\n".join(out) + "\n"


def as_html(figures: Figures) -> str:
    """One page that needs nothing else."""
    body = [f"<h1>ocinb beside its peers</h1><p>{escape(_of(figures))}</p>"]
    for found in figures["subjects"].values():
        body.append(f"<h2>{escape(_capital(found['what']))}</h2>")
        measured = escape(_measured(figures, found))
        body.append(f"<p>Repeat it: <code>{escape(found['command'])}</code>{measured}</p>")
        for comparison in found["comparisons"]:
            body.append(f"<figure>{_plot(comparison)}</figure>")
            body += [f"<p>{escape(note)}</p>" for note in comparison.get("notes") or []]
            body.append(f"<details><summary>figures</summary>{_html_table(comparison)}</details>")
    return _PAGE.format(body="\n".join(body))


def _measured(figures: Figures, found: dict[str, Any]) -> str:
    """When, where that was later than the rest."""
    if found.get("commit", figures["commit"]) == figures["commit"]:
        return ""
    return f" (measured again on {found['time'][:10]}, commit {found['commit']})"


def _plot(comparison: dict[str, Any]) -> str:
    if "scaling" in comparison:
        return lines(comparison["title"], comparison["unit"], comparison["scaling"])
    return bars(comparison["title"], comparison["seconds"])


def _rows(comparison: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells."""
    if "scaling" in comparison:
        sizes = list(dict.fromkeys(s for one in comparison["scaling"].values() for s in one))
        rows = [
            [f"{int(size):,}", *(_ms(one[size]) for one in comparison["scaling"].values())]
            for size in sizes
        ]
        growth = [f"{exponent:.2f}" for exponent in comparison["growth"].values()]
        rows.append(["exponent (1 is linear)", *growth])
        return [comparison["unit"], *(f"{name}, ms" for name in comparison["scaling"])], rows
    seconds = comparison["seconds"]
    ours = statistics.median(next(iter(seconds.values())))
    return ["", "median ms", "min", "max", "× ours"], [
        [name, _ms(found), f"{min(found) * 1e3:.1f}", f"{max(found) * 1e3:.1f}",
         f"{statistics.median(found) / ours:.2f}"]
        for name, found in seconds.items()
    ]  # fmt: skip


def _table(comparison: dict[str, Any]) -> Iterator[str]:
    headings, rows = _rows(comparison)
    yield f"| {' | '.join(headings)} |"
    yield f"|---|{'---:|' * (len(headings) - 1)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _html_table(comparison: dict[str, Any]) -> str:
    headings, rows = _rows(comparison)
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _ms(found: list[float]) -> str:
    return f"{statistics.median(found) * 1e3:.2f}"


def _of(figures: Figures) -> str:
    machine = figures["machine"]
    if not machine:
        return "No machine yet."
    return (
        f"{figures['time']}, commit {figures['commit']}, {machine['processors']} processors "
        f"({machine['processor']}), {machine['memory'] / 2**30:.0f} GiB, Linux "
        f"{machine['kernel']}, Python {machine['python']}; load before it {figures['load']}; "
        f"{figures['rounds']} rounds, one before them for warming up."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _commit() -> str:
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>ocinb beside its peers</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2em auto; padding: 0 1em }}
figure {{ margin: 1em 0 }} svg {{ max-width: 100%; height: auto }}
table {{ border-collapse: collapse }} td, th {{ padding: .15em .7em; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
</style></head><body>
{body}
</body></html>
"""


def main() -> None:
    """Make reports from figures that are there."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.report", description=__doc__)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--html", type=Path)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args()
    write(json.loads(chosen.figures.read_text()), html=chosen.html, markdown=chosen.markdown)


if __name__ == "__main__":
    sys.exit(main())
