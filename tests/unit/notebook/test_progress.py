"""Transfers in a cell: few bytes, however long they take and however many there are."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from ocinb.events import BlobDone, BlobProgress, Recorder, Warned
from ocinb.notebook import progress
from ocinb.notebook.progress import MOST, CellPainter, CellProgress, NoPainter, html, pause
from ocinb.progress import Transfers


def transfers(count, done=0):
    made = Transfers()
    for n in range(count):
        digest = f"sha256:{n:064x}"
        made(BlobProgress(digest=digest, done=5, total=10, action="downloading"))
        if n < done:
            made(BlobDone(digest=digest, size=10, source="network"))
    return made


def test_a_picture_of_very_many_blobs_is_small_and_shows_those_that_move():
    picture = html(transfers(500, done=480))
    assert picture.count("<tr") == MOST
    assert picture.count("downloading") == 20
    assert f"and {500 - MOST} more" in picture
    assert len(picture) < 50_000


def test_what_was_pulled_is_saved_in_less_than_50_kb():
    assert len(html(transfers(150, done=150))) < 50_000


def test_the_pictures_of_an_hour_are_about_a_megabyte(monkeypatch):
    class Handle:
        def update(self, bundle, **_):
            sent.append(len(bundle["text/html"]))

    now, sent = [0.0], []
    # Not of the module time itself: servers in other threads go by its clock.
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    painter = CellPainter()
    painter._handle = Handle()
    moving = transfers(30)
    while now[0] < 3600:
        painter.paint(moving)
        now[0] += 0.1
    assert len(sent) > 40
    assert sum(sent) < 1_200_000


def test_with_quiet_only_warnings_are_told(capsys):
    drawn, recorder, hush = [], Recorder(), threading.Event()
    painter = NoPainter()
    painter.leave = drawn.append
    with CellProgress(recorder, painter, hush):
        hush.set()  # as a command does
        recorder(BlobDone(digest=f"sha256:{'0' * 64}", size=10, source="network"))
        recorder(Warned(message="old"))
    assert drawn == []
    assert capsys.readouterr().err == "warning: old\n"
    with CellProgress(recorder, painter, hush):
        recorder(BlobDone(digest=f"sha256:{'0' * 64}", size=10, source="network"))
    assert len(drawn) == 1


def test_they_come_at_most_ten_times_a_second_and_ever_more_rarely():
    assert 0.1 <= pause(0) < 0.15
    assert [pause(n) for n in range(0, 2_000_000, 50_000)] == sorted(
        pause(n) for n in range(0, 2_000_000, 50_000)
    )
