"""``compare --runtime A --runtime B``: one bundle, taken through its life by both."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from ocinb.build.demo import demo_image
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.content.store import Store
from ocinb.engine.trials.place import place as trial_place
from ocinb.engine.trials.place import runtimes
from ocinb.engine.trials.trial import try_runtimes
from ocinb.errors import CommandError, StepFailed, UnsupportedHost
from ocinb.notebook.diagrams.draw import draw
from ocinb.settings import Settings
from tests.support.interruptions import runs
from tests.support.leftovers import leftovers

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]


@pytest.fixture
def session(tmp_path):
    store = Store(tmp_path / "root/store")
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    yield Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    trials = tmp_path / "root/trials"
    assert not trials.exists() or list(trials.iterdir()) == []
    assert leftovers(tmp_path) == []


@pytest.fixture
def bundle(session, tmp_path):
    tree.call(["bundle", "demo", str(tmp_path / "bundle"), "sh", "-c", "id -u; exit 3"], session)
    return tmp_path / "bundle"


def compared(session, *words):
    picture = tree.call(
        ["compare", "--runtime", "runc", "--runtime", "ocinb-runtime", *words], session
    )
    return picture, {row["name"]: row for row in picture.table.records()}


def test_a_bundle_by_two_runtimes(session, bundle):
    picture, rows = compared(session, str(bundle))
    assert picture.table.title == "runc and ocinb-runtime"
    assert rows["bundle"]["one"] == str(bundle)
    assert rows["version"]["one"].startswith("runc version")
    for name, value in (
        ("what the program wrote", "0"),
        ("exit status", "3"),
        ("status after create", "created"),
        ("status after the program's end", "stopped"),
    ):
        assert (rows[name]["one"], rows[name]["other"], rows[name]["same"]) == (value, value, "yes")
    for name in ("create, steps 1 to 5", "start, steps 6 to 9", "delete, steps 11 to 13"):
        assert rows[name]["one_took"] > 0
        assert rows[name]["other_took"] > 0


def test_the_calls_that_make_a_container_are_counted_and_the_programs_are_not(session, bundle):
    """runc mounts by ``mount``, ours by descriptors."""
    _, rows = compared(session, str(bundle))
    assert rows["pivot_root"]["one"] == rows["pivot_root"]["other"] == "1"
    assert int(rows["mount"]["one"]) > int(rows["mount"]["other"])
    assert rows["move_mount"]["one"] == ""
    assert int(rows["all calls of create"]["one"].replace(",", "")) > 500
    many = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo > /dev/null; done; mkdir /tmp/x"
    before = rows["all calls of start"]
    config = json.loads((bundle / "config.json").read_bytes())
    config["process"]["args"] = ["sh", "-c", many]
    (bundle / "config.json").write_text(json.dumps(config))
    after = compared(session, str(bundle))[1]["all calls of start"]
    for side in ("one", "other"):
        was, now = (int(row[side].replace(",", "")) for row in (before, after))
        assert abs(now - was) < 250  # the program's are a thousand


def test_an_image_with_a_command(session):
    """Standard error stands last: runc gives the two in any order."""
    _, rows = compared(session, "demo", "--", "sh", "-c", "echo two >&2; echo one")
    wrote = rows["what the program wrote"]
    assert (wrote["one"], wrote["same"]) == ("one … and 1 more lines", "yes")
    assert "echo one" in rows["command"]["one"]


def test_its_picture(session, bundle):
    diagram = draw(compared(session, str(bundle))[0])
    assert "System calls, as strace counted them" in diagram.svg
    assert "How long each step took" in diagram.svg


def test_a_program_that_does_not_end_is_killed(session, bundle, tmp_path):
    config = json.loads((bundle / "config.json").read_bytes())
    config["process"]["args"] = ["sleep", "600"]
    (bundle / "config.json").write_text(json.dumps(config))
    with trial_place(tmp_path / "root/trials") as directory:
        (ours,) = try_runtimes(
            runtimes(directory, ["ocinb"]), bundle, directory, rounds=1, longest=0.5
        )
    assert ours.exit_status is None
    assert ours.statuses["program"] == "stopped"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["--runtime", "runc", "demo"], CommandError, "--runtime is given 1 times"),
        (["demo"], CommandError, "compare takes two, not 1"),
        (["demo", "demo", "demo"], CommandError, "compare takes two, not 3"),
        (["--runtime", "runc", "--runtime", "nosuch", "demo"], UnsupportedHost, "nosuch"),
        (["--runtime", "runc", "--runtime", "/bin/false", "demo"], StepFailed, "/bin/false could"),
    ],
)
def test_what_cannot_be_is_a_sentence(session, words, error, message):
    with pytest.raises(error, match=message):
        tree.call(["compare", *words], session)


def test_a_bundle_has_its_command_and_no_terminal(session, bundle):
    both = ["compare", "--runtime", "runc", "--runtime", "ocinb", str(bundle)]
    with pytest.raises(CommandError, match=r"config\.json says what is run"):
        tree.call([*both, "id"], session)
    config = json.loads((bundle / "config.json").read_bytes())
    config["process"]["terminal"] = True
    (bundle / "config.json").write_text(json.dumps(config))
    with pytest.raises(CommandError, match="wants a terminal"):
        tree.call(both, session)


def test_what_a_killed_one_left_goes_with_the_next(session, bundle, tmp_path):
    config = json.loads((bundle / "config.json").read_bytes())
    config["process"]["args"] = ["sleep", "600.1791"]
    (bundle / "config.json").write_text(json.dumps(config))
    root, run_root = session.settings.root, session.settings.run_root
    words = ["compare", "--runtime", "runc", "--runtime", "ocinb", str(bundle)]
    killed = subprocess.Popen(
        [sys.executable, "-m", "ocinb", "--root", root, "--run-root", run_root, *words],
        stdout=subprocess.DEVNULL,
    )
    while not list((root / "trials").glob("*/state-0/compare-*/state.json")):
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert list((root / "trials").iterdir())
    with trial_place(root / "trials") as directory:
        assert list((root / "trials").iterdir()) == [directory]
    assert not runs("600.1791")
