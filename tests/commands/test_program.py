"""The program ``ocinb`` as a shell sees it: output, exit status, speed of mind, and no traces."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.linux.mounts import mounts

HEAVY = {"pandas", "httpx", "starlette", "uvicorn", "IPython", "rich", "numpy"}


@pytest.fixture
def environment(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return {
        **os.environ,
        "OCINB_ROOT": str(tmp_path / "root"),
        "OCINB_RUN_ROOT": str(tmp_path / "run"),
        "TMPDIR": str(temporary),
    }


def ocinb(environment, *words):
    argv = [sys.executable, "-m", "ocinb", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def put_demo(environment):
    store = Store(Path(environment["OCINB_ROOT"]) / "store")
    store.names.set("docker.io/library/demo:latest", demo_image(store))


@pytest.mark.parametrize("words", [["--help"], ["version"], ["run", "--help"]])
def test_what_needs_nothing_heavy_imports_nothing_heavy(environment, words):
    script = (
        "import sys; from ocinb.cli.__main__ import main; sys.argv[1:] = sys.argv[1:]; main(); "
        f"print({HEAVY!r} & sys.modules.keys(), file=sys.stderr)"
    )
    argv = [sys.executable, "-c", script, *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


def test_an_unknown_command_is_a_sentence_a_hint_and_a_status(environment):
    done = ocinb(environment, "imags")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ocinb: there is no command imags\ndid you mean images?\n"


def test_the_last_error_is_told_at_length_by_the_next_command(environment):
    assert ocinb(environment, "explain").stdout == "no error yet\n"
    assert ocinb(environment, "layers", "Demo").returncode == 1
    told = ocinb(environment, "explain").stdout
    assert "InvalidReference: 'library/Demo' in 'Demo' is not a repository name" in told
    assert "what to do: repository names are lower-case: library/demo" in told
    assert "the rule: distribution-spec spec.md#pulling-manifests" in told
    assert "ocinb debug shows the traceback" in told
    assert ocinb(environment, "debug").stdout.startswith("Traceback (most recent call last)")
    kept = Path(environment["OCINB_RUN_ROOT"]) / "last-error.json"
    kept.write_text("[]")
    assert ocinb(environment, "explain").stdout == "no error yet\n"


def test_help_lists_them(environment):
    listed = ocinb(environment, "--help").stdout
    assert {"explain", "debug"} <= {line.split()[0] for line in listed.splitlines() if line.strip()}


def test_a_reader_that_leaves_early_is_no_error(environment):
    argv = f"{sys.executable} -m ocinb run --help | head -c 1"
    done = subprocess.run(["sh", "-c", argv], env=environment, capture_output=True, check=True)
    assert done.stderr == b""


def leftovers(environment):
    place = environment["TMPDIR"]
    return os.listdir(place) + [m.target for m in mounts() if m.target.startswith(place)]


@pytest.mark.root
@pytest.mark.slow
def test_the_demo_goes_all_the_way_and_leaves_nothing(environment):
    done = ocinb(environment, "demo")
    assert done.returncode == 0, done.stderr
    for told in ('NAME="ocinb demo"', "/etc/motd is hidden", "both agree", "poststop hooks"):
        assert told in done.stdout
    assert "not reached" not in done.stdout
    assert leftovers(environment) == []


@pytest.mark.slow
@pytest.mark.parametrize("heard", ["1. ", "3. ", "6. ", "8. "])
def test_ctrl_c_in_the_demo_leaves_nothing(environment, heard):
    argv = [sys.executable, "-m", "ocinb", "demo"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=environment, stdout=pipe, stderr=pipe, text=True) as demo:
        for line in demo.stdout:
            if line.startswith(heard):
                time.sleep(0.02)
                demo.send_signal(signal.SIGINT)
                break
        demo.stdout.read()
        error = demo.stderr.read()
    assert demo.returncode in (0, 1, 130)
    assert "Traceback" not in error
    assert leftovers(environment) == []


@pytest.mark.root
@pytest.mark.slow
def test_an_ordinary_user_gets_as_far(tmp_path):
    python = Path("/usr/bin/python3")
    site = Path(sys.prefix, "lib", f"python3.{sys.version_info[1]}", "site-packages")
    if not os.access(python, os.X_OK):
        pytest.skip("an ordinary user cannot enter root's home: needs /usr/bin/python3")
    home = tmp_path / "home"
    home.mkdir()
    for directory in (home, *home.parents):
        if directory.stat().st_uid == os.geteuid() and str(directory).startswith("/tmp/"):
            os.chmod(directory, 0o755)
    os.chown(home, 65534, 65534)
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TMPDIR": str(home),
        "PYTHONPATH": f"{site}:{Path(__file__).parents[2]}",
    }
    argv = [python, "-m", "ocinb", "demo"]
    done = subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=False, user=65534,
        group=65534, extra_groups=[],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "poststop hooks" in done.stdout or "What would enable it" in done.stdout
    assert os.listdir(home) == []


@pytest.mark.root
def test_logs_are_the_bytes_of_both_streams(environment):
    put_demo(environment)
    script = "echo out; echo err >&2; printf '\\377\\376\\n'"
    ocinb(environment, "run", "--detach", "--name", "c", "demo", "sh", "-c", script)
    ocinb(environment, "wait", "c")
    argv = [sys.executable, "-m", "ocinb", "logs", "c"]
    done = subprocess.run(argv, env=environment, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"out\n\xff\xfe\n", b"err\n")
    ocinb(environment, "rm", "c")


def test_where_nothing_can_be_written_that_is_said(environment):
    with open("/dev/full", "w") as full:
        argv = [sys.executable, "-m", "ocinb", "images"]
        done = subprocess.run(
            argv, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "ocinb: the machine refuses: no space left on device" in done.stderr


@pytest.mark.root
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_streams_that_are_closed_are_as_if_they_led_nowhere(environment, closed):
    put_demo(environment)
    script = "cat; echo out; exit 5"
    line = f"exec \"$0\" -m ocinb run --rm -i demo sh -c '{script}' {closed}"
    done = subprocess.run(
        ["sh", "-c", line, sys.executable],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 5
    assert done.stdout == ("" if "1>&-" in closed else "out\n")
    assert "Traceback" not in done.stderr


def test_without_a_working_directory_that_is_said(environment, tmp_path):
    put_demo(environment)
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone}; rmdir {gone}; exec {sys.executable} -I -m ocinb bundle demo ./made"
    done = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ocinb: the working directory is not there any more\n" in done.stderr


@pytest.mark.parametrize("words", [["exec", "c"], ["exec", "--bogus", "c", "true"]])
def test_what_exec_does_not_take_is_not_its_commands_status(environment, words):
    assert ocinb(environment, *words).returncode == 125


def test_save_writes_into_a_pipe(environment):
    put_demo(environment)
    argv = [sys.executable, "-m", "ocinb", "save", "demo"]
    saved = subprocess.run(argv, env=environment, capture_output=True, check=True).stdout
    loaded = subprocess.run(
        [sys.executable, "-m", "ocinb", "load"], env=environment, input=saved, check=True
    )
    assert loaded.returncode == 0


def test_what_is_no_archive_is_told_of_by_its_own_name(environment):
    done = subprocess.run(
        [sys.executable, "-m", "ocinb", "load"],
        env=environment,
        input=b"no archive" * 100,
        capture_output=True,
        check=False,
    )
    assert b"standard input is not a tar archive" in done.stderr
