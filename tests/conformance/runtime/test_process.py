"""What the program finds itself to be. Spec: runtime-spec config.md#process"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram
from tests.support.signals import ignored_signals


def test_arguments_and_environment(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/sh", "-c", 'echo "$0|$1|$2|$FOO|$EMPTY|"', "a b", "", "ä"]
    bundle.process["env"] += ["FOO=b=r", "EMPTY="]
    assert runtime.output(bundle) == "a b||ä|b=r||\n"


def test_the_environment_is_only_what_config_json_says(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.process["args"] = ["/bin/env"]
    assert sorted(runtime.output(bundle).split()) == ["HOME=/root", "PATH=/bin"]


def test_the_program_is_found_along_path(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["echo", "found"]
    assert runtime.output(bundle) == "found\n"


def test_a_missing_program_is_an_error_of_create(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["nosuch"]
    done = runtime.create(bundle)
    assert done.returncode == 1
    assert "not found in $PATH" in done.stderr
    assert not runtime.exists()


def test_a_file_that_cannot_be_executed(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["/etc/passwd"]
    done = runtime.create(bundle)
    assert done.returncode == 1
    assert "permission denied" in done.stderr.lower()


def test_cwd(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("pwd").process["cwd"] = "/var/lib"
    assert runtime.output(bundle) == "/var/lib\n"


def test_a_missing_cwd_is_made(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("pwd").process["cwd"] = "/tmp/made/for/it"
    bundle.mount("/tmp", "tmpfs", "tmpfs")
    assert runtime.output(bundle) == "/tmp/made/for/it\n"


def test_user_group_and_further_groups(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr '\\t' ' '")
    bundle.process["user"] = {"uid": 7, "gid": 8, "additionalGids": [9, 10]}
    lines = [line.split() for line in runtime.output(bundle).splitlines()]
    assert lines == [["Uid:", *["7"] * 4], ["Gid:", *["8"] * 4], ["Groups:", "9", "10"]]


def test_home_comes_from_the_containers_passwd(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("echo $HOME").process["user"] = {"uid": 7, "gid": 7}
    assert runtime.output(bundle) == "/tmp\n"


@pytest.mark.parametrize("umask", [0o77, 0o27, 0])
def test_umask(runtime: RuntimeProgram, bundle: Bundle, umask: int) -> None:
    bundle.shell("grep Umask /proc/self/status").process["user"]["umask"] = umask
    assert int(runtime.output(bundle).split()[1], 8) == umask


def test_the_program_owns_its_streams(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("echo reopened > /dev/stdout").process["user"] = {"uid": 7, "gid": 7}
    assert runtime.output(bundle) == "reopened\n"


def test_rlimits(runtime: RuntimeProgram, bundle: Bundle) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    bundle.shell("grep -E 'open files|core file' /proc/self/limits")
    bundle.process["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 64, "hard": min(128, hard)},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]
    lines = runtime.output(bundle).splitlines()
    assert [lines[0][:18], *lines[0][18:].split()[:2]] == ["Max core file size", "0", "0"]
    assert [lines[1][:14], *lines[1][14:].split()[:2]] == ["Max open files", "64", "128"]


def _capabilities(runtime: RuntimeProgram, bundle: Bundle) -> dict[str, int]:
    bundle.shell("grep ^Cap /proc/self/status")
    lines = (line.split() for line in runtime.output(bundle).splitlines())
    return {name.removeprefix("Cap").rstrip(":"): int(mask, 16) for name, mask in lines}


CHOWN, KILL, NET_RAW = 1 << 0, 1 << 5, 1 << 13


def test_the_five_sets_of_capabilities(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 7, "gid": 7}
    bundle.process["capabilities"] = {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "inheritable": ["CAP_CHOWN"],
        "effective": ["CAP_CHOWN"],
        "ambient": ["CAP_CHOWN"],
    }
    # Across an exec by an ordinary user only the ambient ones stay permitted and effective.
    assert _capabilities(runtime, bundle) == {
        "Inh": CHOWN,
        "Prm": CHOWN,
        "Eff": CHOWN,
        "Bnd": CHOWN | KILL | NET_RAW,
        "Amb": CHOWN,
    }


def test_the_superuser_has_no_more_than_the_bounding_set(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    sets = _capabilities(runtime, bundle)
    assert sets["Bnd"] == sets["Prm"] == sets["Eff"] == CHOWN | KILL
    assert sets["Inh"] == sets["Amb"] == 0


def test_no_capabilities_object_means_none(runtime: RuntimeProgram, bundle: Bundle) -> None:
    del bundle.process["capabilities"]
    assert set(_capabilities(runtime, bundle).values()) == {0}


def test_a_capability_that_cannot_be_granted_is_a_warning(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    for name in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][name] = ["CAP_CHOWN", "CAP_FROM_THE_FUTURE"]
    done = ours.run(bundle)
    assert done.returncode == 0
    assert "CAP_FROM_THE_FUTURE" in done.stderr


@pytest.mark.parametrize("wanted", [True, False])
def test_no_new_privileges(runtime: RuntimeProgram, bundle: Bundle, wanted: bool) -> None:
    bundle.shell("grep NoNewPrivs /proc/self/status").process["noNewPrivileges"] = wanted
    assert runtime.output(bundle).split() == ["NoNewPrivs:", str(int(wanted))]


def test_oom_score(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("cat /proc/self/oom_score_adj").process["oomScoreAdj"] = 321
    assert runtime.output(bundle) == "321\n"


def test_without_oom_score_it_is_not_changed(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("cat /proc/self/oom_score_adj")
    assert ours.output(bundle) == Path("/proc/self/oom_score_adj").read_text()


def test_io_priority(ours: RuntimeProgram, bundle: Bundle) -> None:
    (Path(bundle.config["root"]["path"]) / "bin/ionice").unlink(missing_ok=True)
    (Path(bundle.config["root"]["path"]) / "bin/ionice").symlink_to("busybox")
    bundle.process["args"] = ["/bin/ionice"]
    bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
    assert ours.output(bundle).split() == ["best-effort:", "prio", "6"]


@pytest.mark.lacks("runc", "runc 1.1 does not apply linux.personality")
def test_personality(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/cat", "/proc/self/personality"]
    bundle.linux["personality"] = {"domain": "LINUX32"}
    assert int(runtime.output(bundle), 16) & 0xFF == 8


def test_only_the_standard_streams_are_open(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/ls", "/proc/self/fd"]
    with Path("/dev/null").open() as leaked:
        argv_fds = (leaked.fileno(),)
        done = runtime.call("run", "--bundle", bundle.write(), "c", pass_fds=argv_fds)
    # The fourth is the directory that ls itself reads.
    assert done.stdout.split() == ["0", "1", "2", "3"]


def test_preserved_descriptors(runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path) -> None:
    import os
    import subprocess

    message = tmp_path / "message"
    message.write_text("through\n")
    bundle.shell("cat <&3")
    bundle.write()
    # The shell puts the file at descriptor 3, which is where preserved ones begin.
    argv = [*runtime.argv, "run", "--preserve-fds", "1", "--bundle", str(bundle.directory), "c"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" 3<{message}', "sh", *argv],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.stdout == "through\n", done.stderr


def test_signals_that_python_ignores_are_not_ignored_in_the_program(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.process["args"] = ["/bin/grep", "SigIgn", "/proc/self/status"]
    assert ignored_signals(runtime.output(bundle).split()[1]) == 0


def test_the_program_may_not_be_the_runtimes_own_interpreter(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    bundle.mount("/mnt", "bind", str(tmp_path), "bind", "ro")
    bundle.process["args"] = ["/mnt/script"]
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "interpreter" in done.stderr
