"""Containers where the kernel allows no namespaces: by proot, and by fakechroot.

Each test runs as an ordinary user in a locked-down pod (``tests/support/pod.py``), whose filter of
system calls refuses namespaces and mounts, and for fakechroot tracing as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.engine.engine import Finished
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from tests.engine.conftest import PATIENT, finish
from tests.support.images import image_of
from tests.support.peers import require, require_system_python
from tests.support.signals import ignored_signals
from tests.support.workplace import ORDINARY, until

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.peer]

ROOT = Path(__file__).parents[2]
HEAD = """\
from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.exit_status import of_error
from ocinb.errors import OcinbError
from ocinb.events import Warned, Recorder
from ocinb.settings import Settings
import os, pathlib, sys, time
place = pathlib.Path({place!r})
recorder = Recorder()
engine = Engine(Settings(root=place / 'root', run_root=place / 'run'), recorder)
def warnings():
    return [event.message for event in recorder.of(Warned)]
def show(data, stream):
    print(data.decode(), end='', flush=True, file=sys.stderr if stream == 2 else sys.stdout)
def run(*args, image='demo', **options):
    keys = ('name', 'detach', 'keep', 'runtime', 'tty', 'stdin')
    more = {{key: options.pop(key) for key in keys if key in options}}
    wished = ContainerOptions(args=args or None, entrypoint=[], **options)
    return engine.run(image, wished, output=None if more.get('detach') else show, **more)
def refused(*args, **options):
    try: run(*args, **options)
    except OcinbError as error: print(of_error(error), error, '|', error.hint)
    else: print('it ran')
"""

Pod = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture(params=["proot", "fakechroot"])
def kind(request: pytest.FixtureRequest) -> str:
    """The rung that is left."""
    name: str = request.param
    require(name)
    return name


@pytest.fixture
def pod(kind: str, settings: Settings, place: Path) -> Iterator[Pod]:
    """Starts Python programs in a pod that leaves this rung."""
    require_system_python()
    started: list[subprocess.Popen[str]] = []
    flags = ["--no-ptrace"] if kind == "fakechroot" else []

    def start(text: str) -> subprocess.Popen[str]:
        for path in [place, *place.rglob("*")]:
            os.lchown(path, ORDINARY, ORDINARY)
        source = HEAD.format(place=str(place)) + text
        process = subprocess.Popen(
            [sys.executable, "tests/support/pod.py", *flags, str(ORDINARY), sys.executable,
             "-c", source],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_output_streams_and_status_come_back(pod: Pod) -> None:
    script = "echo out; echo err >&2; exit 3"
    process = pod(f"print(run('sh', '-c', {script!r}).exit_status)\nprint(engine.containers.all())")
    out, err = process.communicate(timeout=30)
    assert out == "out\n3\n[]\n"
    assert err == "err\n"


def test_what_is_lost_is_said_once_and_before_anything_else(pod: Pod, kind: str) -> None:
    told = finish(pod("run('true'); run('true')\nprint(len(warnings()), warnings()[0])"))
    assert told.startswith(f"1 containers run by {kind} (no user namespace: unshare: operation")
    assert ("no proot: ptrace: operation not permitted" in told) == (kind == "fakechroot")
    assert ("not isolated" in told) == (kind == "fakechroot")
    assert "this machine's processes, network and devices are seen" in told


def test_wishes_that_cannot_be_kept_are_named(pod: Pod, kind: str) -> None:
    text = (
        "run('true', read_only=True, resources={'memory': {'limit': 10000000}}, user='demo',"
        " sysctl={'net.ipv4.ip_forward': '1'})\n"
        "print(*warnings()[1:], sep='\\n')"
    )
    lines = finish(pod(text)).splitlines()
    assert all(line.startswith(f"not kept by {kind}: ") for line in lines)
    said = "\n".join(lines)
    for word in ("linux.resources", "read-only", "linux.sysctl"):
        assert word in said
    assert ("another user" in said) == (kind == "fakechroot")


def test_programs_see_the_image_and_not_this_machine(pod: Pod, place: Path) -> None:
    (place / "secret").write_text("of this machine")
    script = f"cat /etc/os-release; ls {place}; cat {place}/secret; ls -l /entrypoint; pwd"
    process = pod(f"run('sh', '-c', {script!r}, cwd='/srv')")
    out, err = process.communicate(timeout=30)
    assert 'NAME="ocinb demo"' in out
    assert "/entrypoint" in out
    assert out.endswith("/srv\n")
    assert "of this machine" not in out + err
    assert err.count("No such file or directory") == 2


def test_what_a_container_writes_is_its_own(pod: Pod) -> None:
    text = (
        "run('sh', '-c', 'echo mine > /srv/new; rm -r /etc/os-release; cat /srv/new')\n"
        "run('sh', '-c', 'ls /srv/new; cat /etc/os-release')"
    )
    process = pod(text)
    out, err = process.communicate(timeout=30)
    assert out.startswith("mine\n")
    assert 'NAME="ocinb demo"' in out
    assert "No such file" in err


def test_environment_user_and_descriptors(pod: Pod, kind: str) -> None:
    script = "echo $NAME $HOME; id -u; grep -E '^(SigIgn|NoNewPrivs)' /proc/self/status; ls /dev"
    program = "run('sh', '-c', {!r}, env=['NAME=value'], user='1000:1000')"
    script = script.replace("grep -E '^(SigIgn|NoNewPrivs)'", "cat")
    out = finish(pod(program.format(script))).splitlines()
    assert out[0] == "value /home/demo"
    assert out[1] == "1000"  # made up by proot; under fakechroot it is the user's own
    status = dict(line.split(":\t", 1) for line in out if ":\t" in line)
    assert ignored_signals(status["SigIgn"]) == 0
    assert int(status["SigBlk"], 16) == 0
    assert {"null", "urandom"} <= set(out)


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["no-such-program"], 127, "executable file not found in $PATH"),
        (["/no/such/path"], 127, "no such file or directory"),
        (["/etc/passwd"], 126, "permission denied"),
        (["/etc"], 126, "is a directory"),
    ],
)
def test_a_program_that_cannot_be_run_has_the_status_that_shells_give(
    pod: Pod, kind: str, args: list[str], status: int, said: str
) -> None:
    told = finish(pod(f"refused(*{args!r})\nprint(engine.containers.all())"))
    assert told.startswith(f'{status} {kind} could not create the container: exec: "{args[0]}"')
    assert said in told
    assert told.endswith("[]\n")


@pytest.mark.parametrize(("signal", "status"), [("KILL", 137), ("TERM", 143), ("SEGV", 139)])
def test_a_program_that_is_killed_by_a_signal_has_its_number(
    pod: Pod, signal: str, status: int
) -> None:
    text = f"print(run('sh', '-c', 'kill -{signal} $$; sleep 9').exit_status)"
    assert finish(pod(text)) == f"{status}\n"


def test_the_end_of_the_program_ends_what_it_left_running(pod: Pod, place: Path) -> None:
    # Its status is the first process's, whoever ends last. That none is left, place checks.
    text = "print(run('sh', '-c', 'sleep 100 & (sleep 0.1; exit 9) & exit 4').exit_status)"
    assert finish(pod(text)) == "4\n"


def test_detached_then_looked_at_signalled_and_deleted_by_others(pod: Pod) -> None:
    script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    finish(pod(f"run('sh', '-c', {script!r}, name='box', detach=True)"))
    text = (
        "record = engine.containers.get('box'); print(record.status, record.pid > 0)\n"
        "said = lambda: b''.join(chunk.data for chunk in engine.containers.logs('box'))\n"
        "while b'ready' not in said(): time.sleep(0.02)\n"
        "print(engine.containers.state('box').status)\n"
        "engine.containers.kill('box', 'TERM')\n"
        "print(engine.containers.wait('box'))\n"
        "print(b''.join(c.data for c in engine.containers.logs('box')).decode(), end='')\n"
        "engine.containers.delete('box'); print(engine.containers.all())"
    )
    assert finish(pod(text)) == "running True\nrunning\n5\nready\ncaught\n[]\n"


def test_created_first_and_started_later(pod: Pod) -> None:
    finish(
        pod(
            "engine.create('demo', ContainerOptions(args=['echo', 'later'], entrypoint=[]),"
            " name='box')"
        )
    )
    text = (
        "print(engine.containers.get('box').status)\nengine.containers.start('box')\n"
        "engine.containers.wait('box')\n"
        "print(b''.join(c.data for c in engine.containers.logs('box')).decode(), end='')\n"
        "engine.containers.delete('box')"
    )
    assert finish(pod(text)) == "created\nlater\n"


@pytest.mark.parametrize("victims", ["monitor", "init", "monitor init", "monitor init tracer"])
def test_whoever_is_killed_nothing_is_left_after_delete(
    pod: Pod, place: Path, victims: str
) -> None:
    finish(pod("run('sh', '-c', 'sleep 100.31 & sleep 200.31', name='box', detach=True)"))
    text = (
        "import contextlib, json\n"
        "from ocinb.linux.processes import descendants\n"
        "directory = next(iter((place / 'root/containers').glob('*/container.json'))).parent\n"
        "read = lambda name: json.loads((directory / f'{name}.json').read_text())['pid']\n"
        f"names = {victims.split()!r}\n"
        "pids = [read(name) for name in names if name != 'tracer']\n"
        "pids += descendants(read('init'))[:1] if 'tracer' in names else []\n"
        "for pid in pids:\n"
        "    with contextlib.suppress(ProcessLookupError): os.kill(pid, 9)\n"
        "time.sleep(0.1)\n"
        "engine.containers.delete('box', force=True); print(engine.containers.all())"
    )
    assert finish(pod(text)) == "[]\n"
    assert list(place.glob("run/runtime/*")) == []
    # No path of the container is on their command lines: what they execute tells.
    assert until_gone("sleep\x00100.31\x00", "sleep\x00200.31\x00")


def until_gone(*commands: str) -> bool:
    """Whether no process of the ordinary user has one of these command lines any more."""

    def there() -> bool:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.stat().st_uid == ORDINARY and path.read_text().endswith(commands):
                    return True
        return False

    until(lambda: not there())
    return True


def test_a_terminal(pod: Pod) -> None:
    # Standard input of the program is /dev/null: what matters is what the container has.
    text = "run('sh', '-c', 'test -t 0 && test -t 1 && echo terminal', tty=True)"
    assert finish(pod(text)).strip() == "terminal"


def test_bound_directories_are_shared(pod: Pod, place: Path) -> None:
    (place / "data").mkdir()
    (place / "data/in").write_text("given\n")
    mount = {
        "destination": "/srv/data", "type": "bind", "source": str(place / "data"),
        "options": ["rbind"],
    }  # fmt: skip
    text = (
        f"run('sh', '-c', 'cat /srv/data/in; echo back > /srv/data/out', mounts=[{mount!r}])\n"
        f"refused('true', mounts=[{mount | {'source': '/no/such'}!r}])"
    )
    assert finish(pod(text)).startswith("given\n125 ")
    assert (place / "data/out").read_text() == "back\n"


def test_hooks_run_at_their_stages(pod: Pod, place: Path) -> None:
    def hook(word: str) -> list[dict[str, object]]:
        return [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {word} >> {place}/hooks"]}]

    stages = ["createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    hooks = {stage: hook(stage) for stage in stages}
    # The path of a startContainer hook, of that alone, is looked up in the container.
    mount = {
        "destination": str(place), "type": "bind", "source": str(place), "options": ["rbind"],
    }  # fmt: skip
    finish(pod(f"run('sleep', '0.2', hooks={hooks!r}, mounts=[{mount!r}])"))
    assert (place / "hooks").read_text().split() == stages


def test_start_container_hooks_are_programs_of_the_container(pod: Pod, place: Path) -> None:
    before = loaders_left()
    # The same words outside would find neither this file nor this directory.
    script = "cat > /srv/state; cat /etc/os-release > /srv/name; echo $WHO $HOME > /srv/who"
    hooks = {
        "startContainer": [
            {"path": "/bin/sh", "args": ["hook", "-c", script], "env": ["PATH=/bin", "WHO=me"]}
        ]
    }
    script = "cat /srv/who /srv/state /srv/name"
    out = finish(pod(f"run('sh', '-c', {script!r}, env=['HOME=/x'], hooks={hooks!r})")).splitlines()
    assert out[0] == "me", "a hook has its own environment, and no more"
    state = json.loads(out[1].partition("}")[0] + "}}")
    assert (state["status"], state["pid"] > 0) == ("created", True)
    assert 'NAME="ocinb demo"' in out[1] + "".join(out[2:])
    until(lambda: loaders_left() <= before)


def loaders_left() -> set[Path]:
    """Files of proots that have ended."""
    found = Path("/tmp").glob("prooted-*")
    return {path for path in found if not Path("/proc", path.name.split("-")[1]).exists()}


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (["/no/such"], 'failed with status 127: exec: "/no/such": stat /no/such: no such file'),
        (["/bin/sh", "-c", "echo said; exit 4"], "failed with status 4: said"),
        (["/bin/sh", "-c", "sleep 1000.31"], "did not end within 1 seconds"),
    ],
)
def test_a_failing_start_container_hook_ends_the_container(
    pod: Pod, place: Path, hook: list[str], said: str
) -> None:
    hooks = {
        "startContainer": [
            {"path": hook[0], "args": hook, **({"timeout": 1} if "sleep" in hook[-1] else {})}
        ]
    }
    text = (
        f"refused('echo', 'never', hooks={hooks!r})\nprint(engine.containers.all(), warnings()[1:])"
    )
    refused, left = finish(pod(text)).splitlines()
    assert f"could not start the container: hooks.startContainer[0] {hook[0]} {said}" in refused
    assert left == "[] []"
    assert not list(place.glob("run/runtime/*"))
    assert until_gone("sleep\x001000.31\x00")


def test_all_thirteen_steps_are_recorded(pod: Pod) -> None:
    hooks = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 0"]}]}
    text = CLI + (
        f"run('true', name='box', keep=True, hooks={hooks!r})\n"
        "table = ocinb('lifecycle', 'box')[1]\n"
        "for row in table.records(): print(row['step'], row['status'], row['detail'], sep='|')\n"
        "events = ocinb('trace', 'box')[1].records()\n"
        "made = [row['what'] for row in events if row['event'] == 'Syscall']\n"
        "print(sum('PR_SET_CHILD_SUBREAPER' in what for what in made))\n"
        "ocinb('rm', 'box')"
    )
    *lines, supervisors = finish(pod(text)).splitlines()
    steps = [line.split("|") for line in lines]
    assert [int(number) for number, *_ in steps] == list(range(1, 14))
    statuses = ["creating"] * 4 + ["created"] * 3 + ["running"] * 2 + ["stopped"] * 4
    assert [status for _, status, _ in steps] == statuses
    details = {int(number): detail for number, _, detail in steps}
    assert "not reached" not in details.values()
    assert (details[5], details[7]) == ("no hooks", "1 hook")
    assert supervisors == "2", "the container's and its hook's, each once"


def test_runtimes_that_need_namespaces_are_refused(pod: Pod, kind: str) -> None:
    told = finish(pod("refused('true', runtime='runc')"))
    assert told.startswith("125 runc needs namespaces, and there are none here: no user namespace")
    assert f"leave out --runtime, and {kind} is used" in told


def test_a_static_program_runs_by_proot_and_is_refused_by_fakechroot(
    pod: Pod, kind: str, settings: Settings
) -> None:
    require("busybox")
    busybox = shutil.which("busybox")
    assert busybox is not None
    store = Store(settings.store)
    image = image_of(store, {"bin/busybox": (Path(busybox).read_bytes(), 0o755)})
    store.names.set(str(Reference.parse("static")), image)
    text = "run('/bin/busybox', 'echo', 'ran', image='static')"
    if kind == "proot":
        assert finish(pod(text)) == "ran\n"
        return
    told = finish(pod("refused('/bin/busybox', 'cat', '/etc/passwd', image='static')"))
    assert told.startswith("126 fakechroot could not create the container: exec")
    assert "permission denied" in told


def test_by_name_where_better_rungs_work_too(engine: Engine, kind: str) -> None:
    chunks: list[bytes] = []
    done = engine.run(
        "demo",
        ContainerOptions(args=["sh", "-c", "cat /etc/os-release; exit 6"]),
        runtime=kind,
        output=lambda data, _: chunks.append(data),
    )
    assert isinstance(done, Finished)
    assert done.exit_status == 6
    assert b'NAME="ocinb demo"' in b"".join(chunks)


def test_interrupted_it_ends_within_seconds(pod: Pod, place: Path) -> None:
    script = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done"
    run = f"done = run('sh', '-c', {script!r})\nprint(done.exit_status, done.interrupted)"
    process = pod(PATIENT + run)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(2)
    assert finish(process) == "caught\n7 True\n"
    until(lambda: not list(place.glob("run/runtime/*")))


CLI = """\
from ocinb.commands import tree
from ocinb.commands.session import Session
def ocinb(*words):
    session = Session(engine.settings, output=show)
    value = tree.call(list(words), session)
    return getattr(getattr(value, 'container', value), 'exit_status', 0) or 0, value
"""


def test_the_same_commands_as_for_every_container(pod: Pod) -> None:
    text = CLI + (
        "run('sh', '-c', 'echo kept > /srv/kept; exec sleep 100', name='box', detach=True)\n"
        "print(engine.containers.get('box').status)\n"
        "kept = lambda: [*place.glob('root/containers/*/bundle/rootfs/srv/kept')]\n"
        "while not ''.join(path.read_text() for path in kept()): time.sleep(0.02)\n"
        "print(ocinb('exec', 'box', 'sh', '-c', 'cat /srv/kept; exit 5')[0])\n"
        "commands = [row[-1] for row in ocinb('top', 'box')[1].rows]\n"
        "print(any('sleep 100' in c for c in commands), any('pod.py' in c for c in commands))\n"
        "for word in ('pause', 'stats'):\n"
        "    try: ocinb(word, 'box')\n"
        "    except OcinbError as error: print(word, '|', error)\n"
        "ocinb('stop', '--time', '1', 'box')\n"
        "print(engine.containers.get('box').status)\n"
        "ocinb('rm', 'box'); print(engine.containers.all())"
    )
    lines = finish(pod(text), 60).splitlines()
    assert lines[:4] == ["running", "kept", "5", "True False"]
    assert lines[4].startswith("pause | ")
    assert "it has no control groups of its own" in lines[4]
    assert "has no control groups of its own" in lines[5]
    assert lines[6:] == ["stopped", "[]"]


def test_images_are_built_and_committed_by_proot(pod: Pod, kind: str) -> None:
    text = CLI + (
        "(place / 'context').mkdir()\n"
        "(place / 'context/Dockerfile').write_text('FROM demo\\n"
        "RUN mkdir -m 700 /srv/app; rm /etc/os-release; echo one > /srv/app/one\\n"
        "RUN cat /srv/app/one; echo two > /srv/app/two\\n')\n"
        "try: ocinb('build', '-t', 'made', str(place / 'context'))\n"
        "except OcinbError as error: print(error); sys.exit()\n"
        "run('sh', '-c', 'cat /srv/app/*; ls /etc/os-release', image='made')\n"
        "run('sh', '-c', 'echo three > /srv/app/three', image='made', name='box', keep=True)\n"
        "ocinb('commit', 'box', 'more')\n"
        "engine.containers.delete('box')\n"
        "run('sh', '-c', 'cat /srv/app/three', image='more')\n"
        "index = engine.layers.index(engine.images.get('more').config.chain_ids[-1])\n"
        "print(sorted(path for path in index.paths if path))"
    )
    process = pod(text)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    lines = out.splitlines()
    if kind == "fakechroot":
        assert "what a command changes is not known under fakechroot" in lines[0]
        return
    assert lines == ["one", "one", "two", "three", "['srv', 'srv/app', 'srv/app/three']"]
    assert "No such file" in err


def test_what_a_container_has_changed_is_told_from_its_copy(pod: Pod, kind: str) -> None:
    script = (
        "mkdir -m 700 /srv/app; echo one > /srv/app/one; echo more >> /etc/passwd; "
        "rm /etc/os-release; touch /srv/.wh.etc"
    )
    text = CLI + (
        "run('true', name='still', keep=True)\n"
        f"run('sh', '-c', {script!r}, name='busy', keep=True)\n"
        "def told(name):\n"
        "    try: table = ocinb('diff', '--only', 'file', name)[1]\n"
        "    except OcinbError as error: return str(error)\n"
        "    return [(row['change'], row['name'], row['what']) for row in table.records()]\n"
        "print(told('still'), told('busy'), sep='\\n')\n"
        "for name in ('still', 'busy'): engine.containers.delete(name)"
    )
    still, busy = finish(pod(text), 60).splitlines()
    if kind == "fakechroot":
        assert "fakechroot has changed its copy" in still
        return
    assert still == "[]"
    assert busy == str(
        [
            ("removed", "/etc/os-release", ""),
            ("changed", "/etc/passwd", "content"),
            ("added", "/srv/.wh.etc", ""),
            ("added", "/srv/app", ""),
            ("added", "/srv/app/one", ""),
        ]
    )


def test_what_an_ended_container_wrote_is_there_when_it_starts_again(pod: Pod) -> None:
    script = "test -e /srv/before && echo again; touch /srv/before"
    text = CLI + (
        f"run('sh', '-c', {script!r}, name='box', keep=True)\n"
        "engine.containers.start('box')\nengine.containers.wait('box')\n"
        "print(b''.join(c.data for c in engine.containers.logs('box')).decode(), end='')\n"
        "engine.containers.delete('box')"
    )
    assert finish(pod(text)).splitlines()[-1] == "again"


def test_published_ports_are_refused_by_their_own_name(pod: Pod, kind: str) -> None:
    text = CLI + (
        "try: ocinb('run', '--rm', '-p', '8080:80', 'demo', 'true')\n"
        "except OcinbError as error: print(error, '|', error.hint)\n"
    )
    told = finish(pod(text))
    assert told.startswith(f"--publish 8080:80: containers by {kind} have the network of this")
    assert "a port that the program listens on is this machine's" in told


def test_what_nobody_asked_for_is_not_said_to_be_lost(pod: Pod, kind: str, place: Path) -> None:
    text = CLI + (
        "def warned(*words):\n"
        "    session = Session(engine.settings, output=show)\n"
        "    tree.call(list(words), session)\n"
        "    return [event.message for event in session.recorder.of(Warned)][1:]\n"
        "print(warned('run', '--rm', '--init', 'demo', 'true'))\n"
        "(place / 'context').mkdir()\n"
        "(place / 'context/Dockerfile').write_text('FROM demo\\nRUN true\\n')\n"
        + ("print(warned('build', str(place / 'context')))\n" if kind == "proot" else "")
    )
    if kind == "fakechroot":
        text = text.replace("'--init', ", "")  # its first process is a static program
    assert set(finish(pod(text)).splitlines()) == {"[]"}


def test_a_running_container_cannot_be_committed_and_what_to_do_is_said(
    pod: Pod, kind: str
) -> None:
    text = CLI + (
        "run('sleep', '100', name='box', detach=True)\n"
        "try: ocinb('commit', 'box', 'made')\n"
        "except OcinbError as error: print(error.hint)\n"
        "engine.containers.delete('box', force=True)"
    )
    hint = "it is changing while it runs: ocinb stop box first"
    other = "ocinb doctor says what would allow more"
    assert finish(pod(text)).strip() == (hint if kind == "proot" else other)
