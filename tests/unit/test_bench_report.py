"""The report of figures: every figure is in it, with the command that repeats it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from tests.bench import report
from tests.bench.measure import Case, Comparison, Line, Scaling


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> report.Figures:
    now = [0.0]  # a clock that only the measured work moves
    monkeypatch.setattr("tests.bench.measure.time", SimpleNamespace(perf_counter=lambda: now[0]))

    def take(seconds: float) -> None:
        now[0] += seconds

    made = report.begun(0.5, 2)
    found = report.subject(made, "some", "some work: ours, theirs", 2)
    rests = [Case("ours <fast>", lambda: None), Case("theirs | slow", lambda: take(0.001))]
    comparison = Comparison("work & more", rests, notes=lambda: ["- peak memory 3 MiB"])
    comparison.run(2)
    comparison.table()
    found.append(comparison.figures())
    line = Line("sleep", lambda size: lambda: take(size * 1e-4))
    scaling = Scaling("sleeping", "hundredths", [10, 100, 1000], [line])
    scaling.run(1)
    found.append(scaling.figures())
    return made


def test_the_tables_name_every_competitor_and_the_command(figures: report.Figures) -> None:
    text = report.as_markdown(figures)
    assert "Repeat it: `python -m tests.bench --only some`" in text
    assert "| ours <fast> |" in text
    assert r"| theirs \| slow |" in text
    assert "- peak memory 3 MiB" in text
    assert "| 1,000 |" in text
    assert "2 rounds" in text


def test_the_page_needs_nothing_else_and_its_plots_are_well_formed(
    figures: report.Figures, tmp_path: Path
) -> None:
    report.write(figures, html=tmp_path / "made/report.html")
    page = (tmp_path / "made/report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page
    assert "src=" not in page
    plots = page.split("<figure>")[1:]
    assert len(plots) == 2
    for plot in plots:
        root = ElementTree.fromstring(plot.partition("</figure>")[0])
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "ours &lt;fast&gt;" in page


def test_what_grows_with_the_size_has_the_exponent_one(figures: report.Figures) -> None:
    growth = figures["subjects"]["some"]["comparisons"][1]["growth"]["sleep"]
    assert growth == 1


def test_a_comparison_counts_the_rounds_behind_the_first() -> None:
    acts: list[int] = []
    comparison = Comparison("x", [Case("ours", lambda: acts.append(1))])
    comparison.run(3)
    assert (len(acts), len(comparison.cases[0].seconds)) == (4, 3)


def test_a_subject_measured_again_takes_the_place_of_what_it_was(
    figures: report.Figures, tmp_path: Path
) -> None:
    earlier = tmp_path / "figures.json"
    figures["commit"] = "abc1234"
    earlier.write_text(json.dumps(figures))
    kept = report.again(report.begun(0.1, 3), earlier)
    assert list(kept["subjects"]) == ["some"]
    report.subject(kept, "other", "more work", 15)
    text = report.as_markdown(kept)
    assert "`python -m tests.bench --only some` (measured again" in text
    kept["subjects"]["some"]["commit"] = "abc1234"
    text = report.as_markdown(kept)
    assert text.count("(measured again") == 1
    assert "`python -m tests.bench --only other --rounds 15` (measured again" in text


def test_figures_of_another_machine_are_not_mixed_with_ours(
    figures: report.Figures, tmp_path: Path
) -> None:
    earlier = tmp_path / "figures.json"
    figures["machine"]["processors"] = 999
    earlier.write_text(json.dumps(figures))
    new = report.begun(0.1, 3)
    assert report.again(new, earlier) is new
    assert report.again(new, tmp_path / "none.json") is new
