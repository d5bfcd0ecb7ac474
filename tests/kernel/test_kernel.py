"""The OCI kernel: commands, scripts in containers, and Python, as a front end asks for them."""

from __future__ import annotations

import random
import re
import subprocess
import sys

import pytest

from ocinb.build.demo import demo_image
from ocinb.engine import Engine
from ocinb.errors import ContainerNotFound
from ocinb.settings import Settings
from tests.support.archives import member
from tests.support.kernel import kernel
from tests.support.layered import name_image

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    place = tmp_path_factory.mktemp("kernel")
    engine = Engine(Settings(root=place / "root", run_root=place / "run"))
    engine.store.names.set("docker.io/library/demo:latest", demo_image(engine.store))
    return engine


def places(engine):
    return {
        "OCINB_ROOT": str(engine.settings.root),
        "OCINB_RUN_ROOT": str(engine.settings.run_root),
    }


@pytest.fixture(scope="module")
def running(engine, tmp_path_factory):
    with kernel(tmp_path_factory.mktemp("k"), **places(engine)) as started:
        yield started


def test_each_command_of_a_cell_shows_what_it_found(running):
    said, shown = running.run("images\nversion")
    assert said == "ok"
    assert "demo" in shown
    assert "runtime-spec" in shown


def test_what_a_command_found_is_python_for_a_cell_that_says_so(running):
    assert running.run("found = layers demo") == ("ok", "")
    assert running.run("#!python\nprint(len(found))") == ("ok", "6\n")


def test_an_error_is_a_sentence(running):
    said, _ = running.run("layers nothing-of-that-name")
    assert said.startswith("NameNotFound: ")


def test_hints_are_as_one_types_here(running):
    running.run("imags")
    said, shown = running.run("explain")
    assert said == "ok"
    assert "what to do: did you mean images?" in shown
    assert "%oci" not in shown
    running.run("run nothing-of-that-name:1")
    assert "%oci" not in running.run("explain")[1]
    assert running.run("layers --help")[1].startswith("Usage: layers [OPTIONS] IMAGE")


def test_a_first_line_that_nobody_knows_runs_nothing(running):
    said, shown = running.run("#!imgae demo\nversion")
    assert said == "CommandError: a cell cannot begin with #!imgae"
    assert shown == ""
    assert "did you mean #!image?" in running.run("explain")[1]
    assert running.run("#!what? $HOME\nversion") == (
        "CommandError: a cell cannot begin with #!what?",
        "",
    )


def test_errors_name_the_line_of_the_cell(running):
    assert running.run("#!image demo\n\nnosuch || true")[1].startswith("sh: 3: ")
    assert running.run("\n\n#!image demo\nnosuch || true")[1].startswith("sh: 4: ")
    said, _ = running.run("#!python\nx = 1\ndef f(:")
    assert re.match(r"SyntaxError: invalid syntax .*line 3", said)
    running.run("#!python\n\ntry:\n    nosuch\nexcept NameError as error: caught = error")
    assert running.run("#!python\nprint(caught.__traceback__.tb_lineno)") == ("ok", "4\n")


def test_the_rest_of_a_magic_of_cells_is_python_too(running):
    assert running.run("#!python\n%%capture said\nprint(40 + 2)") == ("ok", "")
    assert running.run("#!python\nprint(said.stdout, end='')") == ("ok", "42\n")


def test_help_is_a_word_too(running):
    assert running.run("help")[1].startswith("Usage: ")
    assert running.run("help layers") == running.run("layers --help")
    assert running.run("nosuchcommand")[0] == "CommandError: there is no command nosuchcommand"
    assert "what to do: --help lists the commands" in running.run("explain")[1]


def test_scripts_find_directory_and_variables_as_the_last_one_left_them(running):
    assert running.run("#!image demo\ncd /etc; export A='it is' B=$(id -u)") == ("ok", "")
    assert running.run("#!image demo\necho $PWD $A $B") == ("ok", "/etc it is 0\n")
    assert running.run("#!run --env C=3 demo\necho $PWD $A $C") == ("ok", "/ 3\n")


def test_a_script_that_fails_fails_the_cell_and_leaves_what_it_set(running):
    said, shown = running.run("#!image demo\nexport D=4; echo out; echo err >&2; exit 3")
    assert said == "ContainerError: the script ended with status 3"
    assert sorted(shown.split()) == ["err", "out"]
    assert running.run("#!image demo\necho $D") == ("ok", "4\n")


def test_a_script_that_reads_asks_the_person(running):
    said, shown = running.run("#!image demo\nread -r name; echo hello $name", answer="anna")
    assert (said, shown) == ("ok", "hello anna\n")
    assert running.run("#!image demo\nread -r name || echo nobody") == ("ok", "nobody\n")


def test_an_interrupt_ends_a_script_and_nothing_else(running, engine):
    running.run("#!image demo\nexport E=5")
    said, shown = running.run("#!image demo\necho begun; sleep 600; echo never", interrupt=True)
    assert said.startswith("KeyboardInterrupt")
    assert shown == "begun\n"
    assert running.run("#!image demo\necho still $E") == ("ok", "still 5\n")
    left = running.run("#!image demo\nfor p in /proc/[0-9]*; do cat $p/cmdline; echo; done")[1]
    assert "sleep\0600" not in left


def test_an_interrupt_between_cells_is_nothing(running):
    running.interrupt_and_wait()
    assert running.run("#!python\n1") == ("ok", "1")


def test_a_flood_is_cut_and_bytes_that_are_no_text_are_text(running, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 999_999 + b"\n")
    (tmp_path / "binary").write_bytes(random.Random(1).randbytes(300_000))
    first = f"#!run -v {tmp_path}:/data demo"
    said, shown = running.run(f"{first}\ncat /data/large")
    assert said == "ok"
    assert "more than this cell shows" in shown
    assert len(shown) < 1_100_000
    said, shown = running.run(f"{first}\ncat /data/binary")
    assert said == "ok"
    assert len(shown) > 1000
    assert not {chr(n) for n in range(32)} & set(shown) - set("\t\n\r\x08\x1b")


def test_hostile_output_stays_text(running):
    shown = running.run("#!image demo\nprintf '<b>x</b>\\033]0;title\\007\\033[31mred\\n'")[1]
    assert shown == "<b>x</b>\x1b[31mred\n"


def test_an_image_without_a_shell_is_refused_in_a_sentence(running, engine):
    name_image(engine.store, "docker.io/library/bare:latest", [[member("x")]])
    said, _ = running.run("#!image bare\necho")
    assert said.startswith(("StepFailed: ", "ContainerError: "))
    assert "/bin/sh" in said


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("laye", "layers"),
        ("layers de", "demo"),
        ("#!image de", "demo"),
        ("cat demo:/et", "demo:/etc/"),
        ("#!python\nfoun", "found"),
    ],
)
def test_tab(running, code, word):
    running.run("found = layers demo")
    running.run("ls demo /etc")  # Tab knows the files of images that were looked into
    reply = running.client.complete(code, reply=True, timeout=20)["content"]
    assert word in reply["matches"]
    assert word.startswith(code[reply["cursor_start"] : reply["cursor_end"]])
    assert reply["cursor_end"] == len(code)


def test_the_help_of_the_command_under_the_cursor(running):
    reply = running.client.inspect("layers demo", 8, reply=True, timeout=20)["content"]
    assert "List the layers of an image" in reply["data"]["text/plain"]


def test_history_holds_what_was_written(running):
    running.run("#!image demo\necho remembered")
    reply = running.client.history(hist_access_type="tail", n=1, reply=True, timeout=20)["content"]
    assert reply["history"][0][2] == "#!image demo\necho remembered"


def test_containers_live_as_long_as_the_kernel(engine, tmp_path):
    with kernel(tmp_path, **places(engine)) as started:
        started.run("#!image demo\necho")
        names = re.findall(r"cell-\d+-\d+-\d+", started.run("ps")[1])
        mine = [name for name in names if f"-{started.manager.provisioner.pid}-" in name]
        assert len(mine) == 1
        started.manager.restart_kernel()
        started.client.wait_for_ready(timeout=60)
        with pytest.raises(ContainerNotFound):
            engine.containers.get(mine[0])
        started.run("#!image demo\necho")
        pid = started.manager.provisioner.pid
        started.manager.signal_kernel(9)
        started.manager.provisioner.process.wait()
    left = [c.name for c in engine.containers.all() if f"cell-{pid}-" in c.name]
    assert len(left) == 1  # nobody could clean up …
    with kernel(tmp_path, **places(engine)) as started:
        assert started.run("version")[0] == "ok"  # … until the next kernel starts
        assert left[0] not in [c.name for c in engine.containers.all()]


def test_it_is_installed_and_taken_away(tmp_path):
    def ocinb(*words):
        return subprocess.run(
            [sys.executable, "-m", "ocinb", "kernel", *words],
            capture_output=True,
            text=True,
            env={"JUPYTER_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
            check=False,
        )

    assert ocinb("install", "--user").returncode == 0
    document = (tmp_path / "kernels/ocinb/kernel.json").read_text()
    assert '"display_name": "OCI (ocinb)"' in document
    assert (tmp_path / "kernels/ocinb/logo-svg.svg").exists()
    assert ocinb("install", "--user", "--sys-prefix").returncode != 0
    assert ocinb("uninstall").returncode == 0
    assert not (tmp_path / "kernels/ocinb").exists()
    again = ocinb("uninstall")
    assert again.returncode != 0
    assert "the kernel is not installed" in again.stderr
