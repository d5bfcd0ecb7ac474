"""Transfers: from blob events to rows with a state."""

from __future__ import annotations

from ocinb.events import BlobDone, BlobProgress, LayerApplied, LayerUnpacking
from ocinb.progress import Transfers

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def states(transfers):
    return [(row.digest[7], row.state, row.done) for row in transfers.rows]


def applied(digest, *, reused):
    return LayerApplied(
        digest=digest, diff_id=digest, chain_id=digest, entries=1, size=1, seconds=0.1,
        reused=reused, directory="/x",
    )  # fmt: skip


def test_a_layer_goes_from_waiting_to_unpacked():
    seen = []
    transfers = Transfers()
    for event in (
        BlobProgress(digest=A, done=0, total=100, action="waiting"),
        BlobProgress(digest=A, done=40, total=100, action="downloading"),
        BlobProgress(digest=A, done=100, total=100, action="verifying"),
        BlobDone(digest=A, size=100, source="network"),
        LayerUnpacking(digest=A, size=100),
        BlobProgress(digest=A, done=90, total=100, action="downloading"),  # comes too late
        applied(A, reused=False),
    ):
        transfers(event)
        seen += states(transfers)
    assert seen == [
        ("a", "waiting", 0),
        ("a", "downloading", 40),
        ("a", "verifying", 100),
        ("a", "done", 100),
        ("a", "unpacking", 100),
        ("a", "unpacking", 100),
        ("a", "unpacked", 100),
    ]
    assert transfers.is_over


def test_what_the_store_had_is_told_as_such_and_not_counted_as_transferred():
    transfers = Transfers()
    transfers(BlobDone(digest=A, size=100, source="store", time=1.0))
    transfers(applied(A, reused=True))
    assert states(transfers) == [("a", "already here", 100)]
    assert "nothing to transfer" in transfers.summary()


def test_the_summary_counts_blobs_bytes_and_rate():
    transfers = Transfers()
    transfers(BlobProgress(digest=A, done=0, total=1000, action="downloading", time=10.0))
    transfers(BlobProgress(digest=B, done=0, total=1000, action="waiting", time=10.0))
    transfers(BlobDone(digest=A, size=1000, source="network", time=12.0))
    assert transfers.summary() == "1 of 2 blobs, 1.00 kB of 2.00 kB, 500 B/s"


def test_a_late_report_does_not_bring_a_finished_blob_back():
    transfers = Transfers()
    transfers(BlobDone(digest=A, size=100, source="network"))
    transfers(BlobProgress(digest=A, done=50, total=100, action="downloading"))
    assert states(transfers) == [("a", "done", 100)]


def test_layers_that_were_not_transferred_are_not_rows():
    transfers = Transfers()
    transfers(applied(B, reused=True))
    assert not transfers.rows
    assert not transfers.is_over
