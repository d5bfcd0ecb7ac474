"""Containers of an ordinary user: with a range of ids, with one, and where less is allowed.

The machine is changed for the program alone, in a mount namespace of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.linux.cgroup import hierarchies
from ocinb.settings import Settings
from tests.support.peers import require, require_system_python
from tests.support.ports import free_port
from tests.support.workplace import ORDINARY, until

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.peer]

ROOT = Path(__file__).parents[2]
RANGE = f"{ORDINARY}:200000:65536\n"
HEAD = """
from ocinb.bundle.options import ContainerOptions as Options
from ocinb.engine import Engine
from ocinb.errors import OcinbError
from ocinb.events import Recorder, Warned
from ocinb.settings import Settings
import os, pathlib, stat
place = pathlib.Path({place!r})
recorder = Recorder()
engine = Engine(Settings(root=place / 'root', run_root=place / 'run'), recorder)
def show(data, _): print(data.decode(), end='', flush=True)
def run(*args, **options):
    return engine.run('demo', Options(args=args, **options), output=show)
def refused(*args, **options):
    try: run(*args, **options)
    except OcinbError as error: print(type(error).__name__, error, '|', error.hint)
def warnings(): return [event.message for event in recorder.of(Warned)]
"""

Ordinary = Callable[..., str]


@pytest.fixture
def ordinary(settings: Settings, place: Path) -> Iterator[Ordinary]:
    """Runs a Python program as an ordinary user.

    ``subuid`` is what /etc/subuid and /etc/subgid say, ``prepare`` a shell script that the
    superuser runs before, ``pod`` flags of ``tests/support/pod.py``, where it shall be one.
    """
    require_system_python()
    require("newuidmap")

    def run(text: str, *, subuid: str = "", prepare: str = "", pod: str | None = None) -> str:
        for path in [place, *place.rglob("*")]:
            os.lchown(path, ORDINARY, ORDINARY)
        (place / "subuid").write_text(subuid)
        script = (
            "set -e\nmount --make-rslave /\n"
            f"for file in subuid subgid; do mount --bind {place}/subuid /etc/$file; done\n"
            f'{prepare}\nexec "$@"'
        )
        user = str(ORDINARY)
        become = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        if pod is not None:
            become = [sys.executable, "tests/support/pod.py", *pod.split(), user]
        source = HEAD.format(place=str(place)) + text
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", *become, sys.executable, "-c", source],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run
    (place / "subuid").unlink(missing_ok=True)


def test_with_subordinate_ids_there_are_all_ids_of_an_image(ordinary: Ordinary) -> None:
    text = (
        "run('id', user='demo')\nrun('id', '-u', user='33:33')\n"
        "print(engine.rung.name, engine.rung.ids.why, warnings())"
    )
    told = ordinary(text, subuid=RANGE).splitlines()
    assert told[0].startswith("uid=1000(demo) gid=1000(demo)")
    assert told[1:] == ["33", "user namespace 65,537 ids by /etc/subuid []"]


def test_what_belongs_to_subordinate_ids_is_removed_with_its_container(
    ordinary: Ordinary,
) -> None:
    script = "mkdir -m 700 /tmp/mine; echo x > /tmp/mine/file; ls -ln /tmp/mine"
    text = (
        f"engine.run('demo', Options(args=['sh', '-c', {script!r}], user='33:33'), keep=True,"
        " output=show, name='box')\n"
        "record = engine.containers.get('box')\n"
        "upper = place / 'root/containers' / record.id / 'rw/upper/tmp/mine'\n"
        "print(os.lstat(upper).st_uid)\n"
        "try: os.listdir(upper)\nexcept PermissionError: print('not mine')\n"
        "engine.containers.delete('box')\n"
        "print(engine.containers.all(), os.listdir(place / 'root/containers'))"
    )
    told = ordinary(text, subuid=RANGE).splitlines()
    assert " 33 33 " in told[1]
    assert told[2:4] == ["200032", "not mine"]
    assert told[4].startswith("[] ['.")


def test_owners_of_an_image_are_seen_committed_and_removed(ordinary: Ordinary, place: Path) -> None:
    make = "mkdir -m 700 /tmp/mine; echo secret > /tmp/mine/file"
    show = "ls -ln /tmp; cat /tmp/mine/file; ls -ln /tmp/mine/file"
    text = (
        "from ocinb.engine.remove_image import remove_image\n"
        "from ocinb.workshop import commit_container\n"
        f"engine.run('demo', Options(args=['sh', '-c', {make!r}], user='33:34'), keep=True,"
        " output=show, name='box')\n"
        "made = commit_container(engine, 'box', 'made')\n"
        "engine.containers.delete('box')\n"
        "engine.images.unpack(made)\n"
        "index = engine.layers.index(made.config.chain_ids[-1])\n"
        "rows = map(index.row, range(len(index)))\n"
        "print([(row.path, row.uid, row.gid) for row in rows if 'mine' in row.path])\n"
        f"engine.run('made', Options(args=['sh', '-c', {show!r}], user='33:34'), output=show)\n"
        "def copies(): return [str(path) for path in (place / 'root/owned').glob('*/tmp/mine')]\n"
        "print([os.lstat(path).st_uid for path in copies()])\n"
        "remove_image(engine, 'made')\nprint(copies())"
    )
    told = ordinary(text, subuid=RANGE).splitlines()
    assert told[0] == "[('tmp/mine', 33, 34), ('tmp/mine/file', 33, 34)]"
    assert " 33 34 " in told[2]
    assert told[3] == "secret"
    assert " 33 34 " in told[4]
    assert told[5:] == ["[200032]", "[]"]


@pytest.mark.parametrize(
    ("subuid", "prepare", "why"),
    [
        ("", "", "/etc/subuid has no line for this user"),
        (f"{ORDINARY}:100\n", "", "line 1 of /etc/subuid is malformed (USER:FIRST:COUNT)"),
        (RANGE, "mount --bind /dev/null /usr/bin/newgidmap", "newgidmap not installed"),
        (RANGE, "mount --bind /bin/false /usr/bin/newuidmap", "the user namespace could not be"),
        (f"{ORDINARY}:900:65536\n", "", "the user namespace could not be given its ids: newuidmap"),
    ],
    ids=["no line", "malformed", "no newgidmap", "newuidmap fails", "a range with the own id"],
)
def test_without_a_range_there_is_one_id_and_it_is_said_why(
    ordinary: Ordinary, subuid: str, prepare: str, why: str
) -> None:
    text = "run('id')\nrefused('id', user='demo')\nprint(*warnings(), sep='\\n')"
    id_, refused, notice = ordinary(text, subuid=subuid, prepare=prepare).splitlines()
    assert id_.startswith("uid=0(root) gid=0(root)")
    assert refused.startswith("UnsupportedHost the program wants to be user 1000:1000, but an ordi")
    assert refused.endswith("run it with --user 0")
    expected = f"containers run in a user namespace: containers have the id 0 only (one id: {why}"
    assert notice.startswith(expected)


def test_further_groups_that_are_not_there_are_said(ordinary: Ordinary) -> None:
    text = "run('id', '-G', additional_groups=['44'])\nprint(warnings()[1:])"
    none = "['no further group (44): there is one id only']"
    assert ordinary(text).splitlines() == ["0", none]
    assert ordinary(text, subuid=RANGE).splitlines() == ["0 44", "[]"]


def test_limits_that_nobody_can_keep_are_said(ordinary: Ordinary) -> None:
    text = "run('true', resources={'memory': {'limit': 50000000}})\nprint(warnings()[-1])"
    told = ordinary(text, subuid=RANGE)
    assert told.startswith("no limit is kept (linux.resources): control groups are version")
    assert "the superuser must give this user a group" in told


def test_where_the_kernels_overlay_is_refused_fuse_overlayfs_stacks(ordinary: Ordinary) -> None:
    require("fuse-overlayfs")
    # Its device may be opened, and the kernel's overlay is taken out of what was found.
    prepare = "mknod -m 666 /dev/shm/fuse-$$ c 10 229; mount --bind /dev/shm/fuse-$$ /dev/fuse"
    text = (
        "from ocinb.engine.rung import Rung\n"
        "rung = engine.ladder()[1]\n"
        "found = rung.probe.of('fuse-overlayfs')\n"
        "print(found.works or found.answer)\n"
        "engine.__dict__['rung'] = Rung(**dict(rung) | {'mount': found})\n"
        "run('sh', '-c', 'id -u; cat /srv/notes/today; rm -r /srv/notes; ls /srv', user='33:33')\n"
        "run('sh', '-c', 'rm -r /srv/notes; echo x > /srv/new; ls /srv')\n"
        "print(engine.containers.all())"
    )
    told = ordinary(text, subuid=RANGE, prepare=f"{prepare}; rm /dev/shm/fuse-$$")
    assert told.splitlines()[:3] == ["True", "33", "now it is a directory"]
    assert told.endswith("new\n[]\n")


def test_a_covered_proc_is_shared_and_that_is_said(ordinary: Ordinary) -> None:
    # One whole /proc anywhere would be leave enough, as one that a neighbour's container has.
    covered = (
        'awk \'$3 == "proc" && $2 != "/proc" { print $2 }\' /proc/mounts | xargs -r umount -l\n'
        "mount --bind /dev/null /proc/keys; mount -t tmpfs none /proc/irq"
    )
    text = (
        "run('sh', '-c', 'test -e /proc/1/stat && echo $$; sleep 100 & exit 3')\nprint(*warnings())"
    )
    pid, notice = ordinary(text, subuid=RANGE, prepare=covered).splitlines()
    assert int(pid) > 2  # not the first process of a pid namespace of its own
    assert "this machine's processes are seen (a new /proc: mount: operation not perm" in notice


def test_rungs_are_kept_until_the_filter_of_system_calls_is_another(ordinary: Ordinary) -> None:
    # The three pods have the same user, the same files, and a filter each, which has no name.
    for pod, rung in (("", "proot"), ("--no-ptrace", "fakechroot"), ("", "proot")):
        require(rung)
        assert ordinary("print(engine.rung.name)", pod=pod) == f"{rung}\n"


def test_where_nothing_is_allowed_everything_but_running_works(
    ordinary: Ordinary, place: Path
) -> None:
    text = """
from ocinb.engine.planning import bundle_of
image = engine.images.get('demo')
print(len(engine.images.unpack(image)))
print(bundle_of(engine, image, Options(), place / 'bundle').exists())
mount = engine.images.mount(image, place / 'tree')
print(mount.kind, (place / 'tree/etc/os-release').exists(), (place / 'tree/etc/motd').exists())
print(mount.why)
engine.mounts.unmount(place / 'tree')
print([rung.works for rung in engine.ladder()])
refused('true')
print(engine.containers.all())
"""
    hidden = "for d in /usr/lib*/*/fakechroot; do mount -t tmpfs none $d; done"
    lines = ordinary(text, prepare=hidden, pod="--no-ptrace").splitlines()
    assert lines[:3] == ["6", "True", "copy True False"]
    assert "overlay: mount: operation not permitted" in lines[3]
    assert lines[4] == "[False, False, False, False, True]"
    assert lines[5].startswith(
        "UnsupportedHost the kernel does not let this user run containers: unshare: operation"
    )
    assert "must allow ptrace" in lines[5]
    assert lines[6] == "[]"


LOCKED = """\
set -e
echo 0 > /proc/sys/user/max_user_namespaces
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
"""The superuser of a user namespace, in which no other may be made, without a capability."""


def in_user_namespace(place: Path, text: str, *inner: str) -> list[str]:
    """The lines that a program prints as the superuser of a user namespace with one id."""
    source = HEAD.format(place=str(place)) + text
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *inner, sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_inside_a_user_namespace_with_one_id(settings: Settings, place: Path) -> None:
    text = "print(engine.rung.name, engine.rung.ids.count)\nrun('id')\nrefused('id', user='demo')"
    rung, id_, refused = in_user_namespace(place, text)
    assert rung == "root 1"
    assert id_.startswith("uid=0(root)")
    assert "the program wants to be user 1000:1000" in refused


def test_where_no_namespace_can_be_made_any_more_proot_is_left(
    settings: Settings, place: Path
) -> None:
    require("proot")
    text = (
        "run('id')\nprint(engine.rung.name)\nprint(warnings()[0])\n"
        "print(engine.ladder()[1].answer, '|', engine.ladder()[1].enable)"
    )
    id_, rung, notice, refusal = in_user_namespace(place, text, "sh", "-c", LOCKED, "sh")
    assert id_.startswith("uid=0(root)")
    assert rung == "proot"
    assert notice.startswith("containers run by proot (no root: unshare: operation not permitted")
    assert refusal == (
        "unshare: no space left on device | the superuser must change "
        "/proc/sys/user/max_user_namespaces, which is 0"
    )


@pytest.fixture
def delegated() -> Iterator[str]:
    """A shell script that puts its shell into control groups that belong to the ordinary user."""
    name = f"ocinb-test-{os.urandom(4).hex()}"
    groups = [tree.mount_point + f"/{name}" for tree in hierarchies()]
    for group in groups:
        os.mkdir(group)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if os.path.exists(f"{group}/{setting}"):
                value = Path(group).parent.joinpath(setting).read_text(encoding="ascii")
                Path(group, setting).write_text(value, encoding="ascii")
        for path in [group, *map(str, Path(group).iterdir())]:
            os.chown(path, ORDINARY, ORDINARY)
    yield "\n".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
    for group in groups:
        for path, _, _ in os.walk(group, topdown=False):
            # The launcher and its children end a moment after who started it.
            until(lambda path=path: not Path(path, "cgroup.procs").read_text())
            os.rmdir(path)


@pytest.mark.skipif(
    any(tree.version == 2 for tree in hierarchies()),
    reason="in version 2 a delegated group must not hold processes: tests/vm has it",
)
def test_limits_are_kept_where_control_groups_are_delegated(
    ordinary: Ordinary, delegated: str
) -> None:
    text = (
        "from ocinb.engine.observing import usage\n"
        "engine.run('demo', Options(args=['sleep', '100'], resources={'memory':"
        " {'limit': 50000000}, 'pids': {'limit': 20}}), name='box', detach=True)\n"
        "used = usage(engine.containers.get('box'))\n"
        "print(used.memory_limit // 4096 * 4096 == 50000000 // 4096 * 4096, used.pids_limit)\n"
        "engine.containers.pause('box'); print(engine.containers.get('box').status)\n"
        "engine.containers.delete('box', force=True); print(warnings(), engine.containers.all())"
    )
    assert ordinary(text, subuid=RANGE, prepare=delegated) == "True 20\npaused\n[] []\n"


def test_volumes_have_the_owner_of_their_place_and_are_removed(ordinary: Ordinary) -> None:
    mkdir = "mkdir -m 700 /tmp/db; echo secret > /tmp/db/file"
    text = (
        "from ocinb.bundle.options import Volume\n"
        "from ocinb.workshop import commit_container\n"
        f"engine.run('demo', Options(args=['sh', '-c', {mkdir!r}], user='33:34'), keep=True,"
        " output=show, name='box')\n"
        "commit_container(engine, 'box', 'made'); engine.containers.delete('box')\n"
        "volume = [Volume(name='data', destination='/tmp/db')]\n"
        "script = 'cat /tmp/db/file; echo more > /tmp/db/more; ls -ldn /tmp/db'\n"
        "engine.run('made', Options(args=['sh', '-c', script], user='33:34', volumes=volume),"
        " output=show)\n"
        "print(os.listdir(place / 'root/volumes'))\n"
        "engine.volumes.remove('data'); print(engine.volumes.all())"
    )
    secret, directory, there, gone = ordinary(text, subuid=RANGE).splitlines()
    assert secret == "secret"
    assert directory.startswith("drwx------")
    assert " 33 34 " in directory
    assert "data" in there
    assert gone == "[]"


WALK = """
import subprocess, sys
name = f'localhost:{port}/demo'
home = place / 'home'
for directory in ('data', 'run', 'config', 'cache'):
    (home / directory).mkdir(parents=True, mode=0o700)
env = {'PATH': os.environ['PATH'], 'HOME': str(home), 'PYTHONPATH': os.environ['PYTHONPATH'],
       'XDG_DATA_HOME': str(home / 'data'), 'XDG_RUNTIME_DIR': str(home / 'run'),
       'XDG_CONFIG_HOME': str(home / 'config'), 'XDG_CACHE_HOME': str(home / 'cache')}
def ocinb(*words, ends=0):
    done = subprocess.run([sys.executable, '-m', 'ocinb', *words], env=env, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == ends, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout.strip()
ocinb('registry', 'up', '--demo', '--port', str(port))
try:
    ocinb('pull', name)
finally:
    ocinb('registry', 'down')
print(ocinb('run', '--rm', name, 'id', '-u'))
ocinb('run', '-d', '--name', 'box', name, 'sh', '-c', 'mkdir -m 700 /tmp/d; echo out; sleep 100')
print(ocinb('exec', 'box', 'sh', '-c', 'echo in; exit 5', ends=5))
print(ocinb('ps', '--quiet'))
while 'out' not in ocinb('logs', 'box'): pass
ocinb('stop', '--time', '0', 'box')
(home / 'context').mkdir()
recipe = f'FROM {name}\\nRUN mkdir -m 700 /srv/x; echo y > /srv/x/y'
(home / 'context/Dockerfile').write_text(recipe)
ocinb('build', '-t', 'made', str(home / 'context'))
print(ocinb('run', '--rm', 'made', 'cat', '/srv/x/y'))
ocinb('rm', 'box'); ocinb('rmi', 'made'); ocinb('rmi', name); ocinb('gc', '--grace', '0')
data = home / 'data/ocinb'
print(sorted(path.name for path in home.iterdir() if any(path.rglob('*'))))
print([*data.glob('layers/sha256/*'), *data.glob('store/blobs/*/*'), *data.glob('owned/*/*')])
print([*data.glob('containers/*/*'), *(home / 'run').glob('ocinb/runtime/*')])
"""


@pytest.mark.parametrize("subuid", [RANGE, ""], ids=["many ids", "one id"])
def test_the_whole_walk_in_the_directories_of_xdg(ordinary: Ordinary, subuid: str) -> None:
    lines = ordinary(f"port = {free_port()}\n{WALK}", subuid=subuid).splitlines()
    assert lines[:4] == ["0", "in", "box", "y"]
    assert lines[4] == "['context', 'data', 'run']"
    assert lines[5:] == ["[]", "[]"]


@pytest.mark.parametrize("subuid", ["", RANGE], ids=["one id", "a range"])
def test_what_a_container_changed_is_told_with_the_owners_that_it_sees(
    ordinary: Ordinary, subuid: str
) -> None:
    text = (
        "from ocinb.commands import tree\nfrom ocinb.commands.session import Session\n"
        "engine.run('demo', Options(args=['sh', '-c', 'echo x > /srv/x']), name='box', keep=True)\n"
        "table = tree.call(['diff', '--only', 'file', 'box'], Session(engine.settings))\n"
        "print(*[(r['change'], r['name'], r['what'], r['after']) for r in table.records()])\n"
        "engine.containers.delete('box')"
    )
    assert ordinary(text, subuid=subuid) == "('added', '/srv/x', '', '-rw-r--r-- 0:0 2 B')\n"
