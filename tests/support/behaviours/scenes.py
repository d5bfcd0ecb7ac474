"""What commands do, one after the other, by their exit status and what they write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.behaviours.behaviour import Declared, Pattern


@dataclass(frozen=True)
class Step:
    """A command.

    Attributes:
        words: as in a shell; ``{image}`` and ``{place}`` are filled in.
        status: its exit status.
        out: what it writes to standard output; None: that does not matter.
        declared: engine → the output or the status that it has instead.
        patient: whether it is tried again until it is so: it depends on other processes.
    """

    words: str
    status: int = 0
    out: str | Pattern | None = None
    declared: Mapping[str, Declared] = field(default_factory=dict)
    patient: bool = False

    def shows(self, status: int, out: str) -> bool:
        """Whether this is what is expected."""
        return status == self.status and self.out in (None, out)


@dataclass(frozen=True)
class Scene:
    """Commands that are run in their order; each step is a row of the list.

    Attributes:
        name: unique.
        steps: the commands.
        prepare: makes what they name, in the directory ``{place}``.
        left: files of ``{place}`` → what they hold in the end.
        refused: engine → why it cannot run the scene.
    """

    name: str
    steps: Sequence[Step]
    prepare: Callable[[Path], None] | None = None
    left: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def _file(place: Path) -> None:
    (place / "file").write_text("of the machine\n")
    (place / "tree/deep").mkdir(parents=True)
    (place / "tree/deep/leaf").write_text("leaf\n")


_OWN = "podman has a status of its own for this, docker another one; ours is 1 or 125"
_BY_FILES = {"podman": Declared(None, "podman takes hooks from files: --hooks-dir")}
_OF_RUN = "125 is of run and create"
_RUN = "run --rm {image}"
_SLEEP = "{image} sleep 1000"
_SLOWLY = "echo one; echo two >&2; sleep 1; echo three"
"""The streams are two pipes: what is written at once may come in any order."""
_FAILED = 125
_ALIVE = "a created container has a process: it lives"
_TMPFS = "the tmpfs is in the other's mount namespace; a warning says so"
_MESSAGES = "kernel.msgmax=12345"

SCENES = [
    Scene(
        "exit statuses",
        [
            Step(f"{_RUN} true", 0, ""),
            Step(f"{_RUN} sh -c 'exit 3'", 3, ""),
            Step(f"{_RUN} sh -c 'exit 255'", 255, ""),
            Step(f"{_RUN} no-such-program", 127, ""),
            Step(f"{_RUN} /no/such/path", 127, ""),
            Step(f"{_RUN} /etc/plain", 126, ""),
            Step(f"{_RUN} /etc", 126, ""),
            Step("run --rm --user ann {image} true", 0),
            Step("run --rm --user nobody-knows {image} true", _FAILED, "",
                 {"podman": Declared(None, "podman leaves it to the runtime: 126")}),
            Step("run --rm --no-such-option {image} true", _FAILED, ""),
            Step("run --rm --pull never localhost/no-such-image true", _FAILED, ""),
            Step("run --rm --volume {place}/nowhere:/x {image} true", _FAILED, ""),
            Step("run --rm --cap-add NO_SUCH_CAPABILITY {image} true", _FAILED, ""),
            Step("run --rm --memory lots {image} true", _FAILED, ""),
            Step("run --rm --name 'not a name' {image} true", _FAILED, ""),
            Step("run --rm --network container:nobody {image} true", _FAILED, ""),
            Step("ps --all --quiet", 0, ""),
        ],
    ),
    Scene(
        "what is run",
        [
            Step("run --rm {image}", 0, "from the image\n"),
            Step("run --rm {image} echo other", 0, "other\n"),
            Step("run --rm --entrypoint /bin/entry {image}", 0, "entrypoint\n"),
            Step("run --rm --entrypoint /bin/entry {image} a 'b c'", 0, "entrypoint a b c\n"),
            Step("run --rm --entrypoint '' {image} echo none", 0, "none\n"),
            Step("run --rm {image} sh -c 'echo out; echo err >&2'", 0, "out\n"),
            Step("run --rm {image} echo --name x", 0, "--name x\n"),
            Step("run --rm {image} printf %s 'a\nb'", 0, "a\nb"),
        ],
    ),
    Scene(
        "created, started, removed",
        [
            Step("create --name one {image} sh -c 'echo started; exit 4'"),
            Step("ps --all --quiet --filter status=created", 0, Pattern(".+\n")),
            Step("ps --quiet", 0, "", {"ours": Declared(None, _ALIVE)}),
            Step("logs one", 0, ""),
            Step("rm --force one"),
            Step("create --name one {image} true", 0),
            Step("create --name one {image} true", _FAILED),
            Step("run --rm --name one {image} true", _FAILED),
            Step("rm --force one"),
            Step("rm one", 1, ""),
            Step("logs one", _FAILED, "", {"ours": Declared(None, _OF_RUN)}),
        ],
    ),
    Scene(
        "detached",
        [
            Step(f"run --detach --name two {_SLEEP}", 0, Pattern(".+\n")),
            Step("ps --quiet --filter name=two", 0, Pattern(".+\n")),
            Step("ps --quiet --filter name=three", 0, ""),
            Step("ps --quiet --filter status=running", 0, Pattern(".+\n")),
            Step("rm two", 2, "", {"ours": Declared(None, _OWN)}),
            Step("rename two three"),
            Step("ps --quiet --filter name=three", 0, Pattern(".+\n")),
            Step("pause three"),
            Step("ps --quiet --filter status=paused", 0, Pattern(".+\n")),
            Step("pause three", _FAILED, "", {"ours": Declared(None, _OF_RUN)}),
            Step("unpause three"),
            Step("kill three"),
            Step("rm --force three"),
            Step("ps --all --quiet", 0, ""),
        ],
    ),
    Scene(
        "labels",
        [
            Step(f"run --detach --name four --label of=mine --label bare {_SLEEP}"),
            Step("ps --quiet --filter label=of=mine", 0, Pattern(".+\n")),
            Step("ps --quiet --filter label=of", 0, Pattern(".+\n")),
            Step("ps --quiet --filter label=bare", 0, Pattern(".+\n")),
            Step("ps --quiet --filter label=of=theirs", 0, ""),
            Step("ps --quiet --filter label=of.image=label", 0, Pattern(".+\n")),
            Step("kill four"),
            Step("rm --force four"),
        ],
    ),
    Scene(
        "a volume with a name",
        [
            Step("run --rm -v vol:/seed {image} cat /seed/file", 0, "from the image"),
            Step("run --rm -v vol:/seed {image} stat -c %u:%g:%a /seed", 0, "1000:1000:750\n"),
            Step("run --rm -v vol:/seed {image} sh -c 'echo more > /seed/new; rm /seed/file'", 0),
            Step("run --rm -v vol:/other:ro {image} ls /other", 0, "deep\nnew\n"),
            Step("run --rm -v vol:/other:ro {image} touch /other/x", 1),
            Step("run --rm -v vol:/seed {image} ls /seed", 0, "deep\nnew\n"),
            Step("run --rm -v empty:/seed:nocopy {image} ls /seed", 0, ""),
            Step("run --rm --mount type=volume,src=vol,dst=/m {image} cat /m/new", 0, "more\n"),
            Step("run --rm -v /seed/deep {image} ls /seed", 0, "deep\nfile\n"),
            Step(f"create --name five -v vol:/x {_SLEEP}"),
            Step("volume rm vol", 2, "", {"ours": Declared(None, _OWN)}),
            Step("rm --force five"),
            Step("volume rm vol"),
            Step("volume rm vol", 1, ""),
            Step(f"create --name six -v vol:/x {_SLEEP}"),
            Step("volume rm --force vol"),
            Step("ps --all --quiet --filter name=six", 0, ""),
            Step("volume rm vol", 1, ""),
            Step("volume create made"),
            Step("volume create made", _FAILED, "", {"ours": Declared(None, "125 is of run")}),
            Step("volume rm made empty"),
            Step("run --rm -v ../x:/x {image} true", _FAILED),
            Step("run --rm -v a/b:/x {image} true", _FAILED),
        ],
    ),
    Scene(
        "namespaces of another container",
        [
            Step(f"run --detach --name six --hostname six.example --sysctl {_MESSAGES} {_SLEEP}"),
            Step("exec six sh -c 'until grep -qsx sleep /proc/[0-9]*/comm; do sleep 0.1; done'"),
            Step("run --rm --pid container:six {image} cat /proc/1/comm", 0, "sleep\n"),
            Step("run --rm --uts container:six {image} hostname", 0, "six.example\n"),
            Step("run --rm --network container:six {image} ls /sys/class/net", 0, "lo\n"),
            Step("run --rm --ipc container:six {image} cat /proc/sys/kernel/msgmax", 0, "12345\n"),
            Step("run --rm --ipc container:six {image} touch /dev/shm/shared", 0),
            Step("run --rm --ipc container:six {image} ls /dev/shm", 0, "shared\n",
                 {"ours": Declared(None, _TMPFS)}),
            Step("run --rm --pid container:nobody {image} true", _FAILED),
            Step("kill six"),
            Step("rm --force six"),
        ],
    ),
    Scene(
        "copies",
        [
            Step(f"run --detach --name seven {_SLEEP}"),
            Step("cp {place}/file seven:/srv/copied"),
            Step("cp {place}/tree seven:/srv"),
            Step("cp {place}/tree/. seven:/home/ann"),
            Step("cp seven:/srv/copied {place}/back"),
            Step("cp seven:/srv/tree {place}/tree-back"),
            Step("cp seven:/home/ann/deep/leaf {place}/leaf-back"),
            Step("cp seven:/no/such/file {place}/x", _FAILED, None,
                 {"ours": Declared(None, _OF_RUN)}),
            Step("cp {place}/file seven:/no/such/directory/x", _FAILED, None,
                 {"ours": Declared(None, _OF_RUN)}),
            Step("cp {place}/nowhere seven:/x", _FAILED, None,
                 {"ours": Declared(None, _OF_RUN)}),
            Step("kill seven"),
            Step("cp seven:/srv/copied {place}/after-the-end"),
            Step("rm --force seven"),
        ],
        prepare=_file,
        left={
            "back": "of the machine\n",
            "tree-back/deep/leaf": "leaf\n",
            "leaf-back": "leaf\n",
            "after-the-end": "of the machine\n",
        },
    ),
    Scene(
        "logs",
        [
            Step(f"run --name eight {{image}} sh -c '{_SLOWLY}'", 0),
            Step("logs --tail 1 eight", 0, "three\n"),
            Step("logs --tail 0 eight", 0, ""),
            Step("logs --timestamps --tail 1 eight", 0, Pattern(r"20\d\d-\d\d-\d\dT\S+ three\n")),
            Step("logs --since 1h --tail 1 eight", 0, "three\n"),
            Step("logs --follow --tail 1 eight", 0, "three\n"),
            Step("rm eight"),
        ],
    ),
    Scene(
        "stopped, waited for, started again",
        [
            Step("run --detach --name nine --stop-signal USR2 {image} sh -c 'trap \"exit 5\" USR2; "
                 "echo begun; echo >> /up; while sleep 0.1; do :; done'"),
            Step("exec nine sh -c 'exit 7'", 7, ""),
            Step("exec nine echo inside", 0, "inside\n"),
            Step("exec --user ann --workdir /tmp --env A=1 nine sh -c 'id -u; pwd; echo $A'", 0,
                 "1000\n/tmp\n1\n"),
            Step("exec --user ann:users nine sh -c 'echo $(id -u) $(id -G)'", 0, "1000 100\n"),
            Step("exec nine no-such-program", 127),
            Step("exec nine /etc/plain", 126),
            Step("update --memory 40m nine", 0),
            Step("exec nine cat /sys/fs/cgroup/memory/memory.limit_in_bytes", 0, "41943040\n"),
            Step("stop nine"),
            Step("wait nine", 0, "5\n"),
            Step("exec nine true", 255, "", {"ours": Declared(None, _OWN)}),
            Step("start nine"),
            Step("exec nine sh -c 'until [ $(wc -l < /up) = 2 ]; do sleep 0.1; done'"),
            Step("ps --quiet --filter name=nine", 0, Pattern(".+\n")),
            Step("kill --signal TERM nine"),
            Step("stop --time 5 nine"),
            Step("wait nine", 0, "5\n"),
            Step("logs nine", 0, "begun\nbegun\n"),
            Step("rm nine"),
        ],
    ),
    Scene(
        "killed",
        [
            Step(f"run --detach --name ten {_SLEEP}"),
            Step("kill --signal 0x1 ten", _FAILED, "", {"ours": Declared(None, _OF_RUN)}),
            Step("kill --signal KILL ten"),
            Step("wait ten", 0, "137\n"),
            Step("kill ten", _FAILED, "", {"ours": Declared(None, _OF_RUN)}),
            Step("ps --all --quiet --filter exited=137", 0, Pattern(".+\n")),
            Step("ps --all --quiet --filter exited=0", 0, ""),
            Step("rm ten"),
        ],
    ),
    Scene(
        "run again",
        [
            Step("run --detach --name eleven --restart on-failure:2 "
                 "{image} sh -c 'echo run; exit 3'", 0, Pattern(".+\n")),
            Step(f"{_RUN} sleep 4", 0, ""),
            Step("wait eleven", 0, "3\n"),
            Step("logs eleven", 0, "run\nrun\nrun\n"),
            Step("ps --quiet --filter name=eleven", 0, ""),
            Step("rm eleven"),
            Step("run --detach --name eleven --restart on-failure {image} echo run"),
            Step(f"{_RUN} sleep 1", 0, ""),
            Step("wait eleven", 0, "0\n"),
            Step("logs eleven", 0, "run\n"),
            Step("rm eleven"),
            Step("run --detach --name eleven --restart always {image} "
                 "sh -c 'echo run; test -e /once && exec sleep 1000; touch /once'"),
            Step("logs eleven", 0, "run\nrun\n", patient=True),
            Step("ps --quiet --filter name=eleven", 0, Pattern(".+\n")),
            Step("stop --time 0 eleven"),
            Step("ps --quiet --filter name=eleven", 0, ""),
            Step("rm eleven"),
            Step(f"run --detach --name eleven --restart unless-stopped {_SLEEP}"),
            Step("stop --time 0 eleven"),
            Step(f"{_RUN} sleep 1", 0, ""),
            Step("ps --quiet --filter name=eleven", 0, ""),
            Step("start eleven"),
            Step("ps --quiet --filter name=eleven", 0, Pattern(".+\n")),
            Step("stop --time 0 eleven"),
            Step("ps --quiet --filter name=eleven", 0, ""),
            Step("rm eleven"),
            Step("run --restart sometimes {image} true", _FAILED),
            Step("run --restart always:3 {image} true", _FAILED),
            Step("run --restart on-failure:many {image} true", _FAILED),
            Step("run --rm --restart always {image} true", _FAILED),
            Step("run --rm --restart no {image} echo once", 0, "once\n"),
        ],
    ),
    Scene(
        "a first process before the program",
        [
            Step("run --rm --init {image} true", 0, ""),
            Step("run --rm --init {image} sh -c 'exit 9'", 9, ""),
            Step("run --rm --init {image} sh -c 'kill -TERM $$'", 143),
            Step("run --rm --init {image} no-such-program", 127, ""),
            Step("run --detach --name twelve --init {image} sh -c 'trap \"exit 4\" TERM; "
                 "echo > /up; while sleep 0.1; do :; done'"),
            Step("exec twelve sh -c 'until test -e /up; do sleep 0.1; done'"),
            Step("kill --signal TERM twelve"),
            Step("wait twelve", 0, "4\n"),
            Step("rm twelve"),
        ],
    ),
    Scene(
        "annotations",
        [
            Step("create --name thirteen --annotation who=me --annotation of=a=b {image} true"),
            Step("inspect thirteen", 0, Pattern(r'(?s).*"who": "me".*')),
            Step("inspect thirteen", 0, Pattern(r'(?s).*"of": "a=b".*')),
            Step("rm --force thirteen"),
            Step("run --rm --annotation nonsense {image} true", _FAILED),
        ],
    ),
    Scene(
        "hooks",
        [
            Step("run --rm --hook 'createRuntime=/bin/sh -c \"cat > {place}/state\"' {image} true",
                 0, "", _BY_FILES),
            Step("run --rm --volume {place}:/here {image} grep -o '\"status\": *\"[a-z]*\"' "
                 "/here/state", 0, Pattern('"status": ?"creating"\n'), _BY_FILES),
            Step("run --rm --hook 'startContainer=/bin/sh -c \"cat > /dev/null\"' {image} echo ran",
                 0, "ran\n", _BY_FILES),
            Step("run --rm --hook startContainer=/no/such {image} echo never", _FAILED, ""),
            Step("run --rm --hook createRuntime=/no/such {image} echo never", _FAILED, ""),
            Step("run --rm --hook never=/bin/true {image} true", _FAILED),
        ],
    ),
    Scene(
        "ports that cannot be",
        [
            Step("run --rm --publish 99999:80 {image} true", _FAILED),
            Step("run --rm --publish nonsense {image} true", _FAILED),
            Step("run --rm --publish 8080:80/carrier-pigeon {image} true", _FAILED, None,
                 {"podman": Declared(None, "podman without a network looks at no port")}),
            Step("run --rm --publish 8080-8082:80-81 {image} true", _FAILED),
            Step("run --rm --publish 1.2.3.4:8080:80 --network bridge {image} true", _FAILED, None,
                 {"podman": Declared(None, "podman finds it out when it connects: 126")}),
        ],
    ),
    Scene(
        "health checks that cannot be",
        [
            Step("run --rm --no-healthcheck {image} true"),
            Step("run --rm --health-cmd true --health-interval soon {image} true", _FAILED),
            Step("run --rm --health-cmd true --health-timeout never {image} true", _FAILED),
            Step("run --rm --health-cmd true --health-retries few {image} true", _FAILED),
            Step("run --rm --no-healthcheck --health-cmd true {image} true", _FAILED),
        ],
    ),
    Scene(
        "networks that cannot be",
        [
            Step("run --rm --network none --network host {image} true", _FAILED),
            Step("run --rm --network none --ip 10.0.0.5 {image} true", _FAILED),
            Step("run --rm --network host --ip6 fd00::5 {image} true", _FAILED),
            Step("run --rm --network bridge --ip6 10.0.0.5 {image} true", _FAILED, None,
                 {"podman": Declared(None, "podman finds it out when it connects: 126")}),
            Step("run --rm --network bridge --mac-address nonsense {image} true", _FAILED),
            Step("run --rm --network bridge:ip=nonsense {image} true", _FAILED),
            Step("run --rm --network bridge:port=80 {image} true", _FAILED),
            Step("run --rm --network no-such-network --network bridge {image} true", _FAILED),
        ],
    ),
    Scene(
        "a file with the id",
        [
            Step("run --rm --cidfile {place}/id {image} true"),
            Step("run --rm --cidfile {place}/id {image} true", _FAILED),
        ],
    ),
]  # fmt: skip
