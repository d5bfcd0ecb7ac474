"""What a shell shows beside a command's answer."""

from __future__ import annotations

from ocinb.cli.progress import LiveProgress
from ocinb.events import BlobDone, Recorder, Warned


def test_warnings_go_to_standard_error(capsys):
    recorder = Recorder()
    with LiveProgress(recorder):
        recorder(Warned(message="registry r.example: this image\nis \x1b[31mold"))
        recorder(BlobDone(digest="sha256:" + "a" * 64, size=5, source="network"))
    recorder(Warned(message="nobody listens any more"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "warning: registry r.example: this image is �[31mold",
        "aaaaaaaaaaaa  done  5 B",
    ]
