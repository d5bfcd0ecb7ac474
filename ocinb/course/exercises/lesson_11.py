"""The exercises of lesson 11, the network."""

from __future__ import annotations

import contextlib
import copy
import http.client
import ipaddress
import random
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.errors import ContainerNotFound
from ocinb.spec.runtime_state import RUNNING

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

    Route = tuple[str, str | None]

_PORTS = range(1024, 65536)
_PATIENCE = 10.0
_LISTENING = "0A"


def _via(routes: list[Route], address: str) -> str | None:
    there = ipaddress.ip_address(address)
    fit = [(ipaddress.ip_network(net), gateway) for net, gateway in routes]
    fit = [(net, gateway) for net, gateway in fit if there in net]
    if not fit:
        return None
    return max(fit, key=lambda each: each[0].prefixlen)[1] or address


def _check_via(scene: Scene) -> Words | None:
    own: list[Route] = [("10.0.0.0/24", None)]
    tables: list[list[Route]] = [
        own,
        [],
        [("0.0.0.0/0", "10.0.0.1"), *own],
        [("10.0.0.0/8", "10.0.0.9"), *own, ("10.1.0.0/16", "10.0.0.7"), ("10.1.2.3/32", None)],
        [("9.0.0.0/8", "10.0.0.3"), ("0.0.0.0/0", "10.0.0.1"), ("172.16.0.0/12", "10.0.0.4")],
    ]
    fixed = ["10.0.0.2", "192.0.2.9", "10.1.2.3", "10.1.2.4", "10.9.9.9", "9.1.1.1", "172.31.0.1"]
    for table in tables:
        addresses = [*fixed, *(f"10.{random.randrange(3)}.0.{n}" for n in range(1, 9))]
        for address in addresses:
            routes = random.sample(table, len(table))
            wanted = _via(routes, address)
            found = scene.answer(list(routes), address)
            if found != wanted:
                return unlike(f"via({routes}, {address!r})", wanted, found)
    return None


def _check_nat(scene: Scene) -> Words | None:
    if not isinstance(scene.answer, type):
        return words("the last line must define the class Nat", "最后一行应当定义类 Nat")
    nat, other = scene.answer(), scene.answer()
    senders = [(f"10.0.0.{host}", port) for host in range(2, 9) for port in (1024, 40000, 65535)]
    senders += [(f"10.0.1.{random.randrange(256)}", random.choice(_PORTS)) for _ in range(60)]
    left: dict[int, tuple[str, int]] = {}
    for sender in senders:
        port = nat.out(*sender)
        if not isinstance(port, int) or port not in _PORTS:
            return Words(
                en=f"{sender} leaves from {port!r}, which is no port between 1024 and 65535",
                zh=f"{sender} 从 {port!r} 出去，它不是 1024 到 65535 的端口",
            )
        if left.setdefault(port, sender) != sender:
            return Words(
                en=f"{left[port]} and {sender} both leave from {port}",
                zh=f"{left[port]} 和 {sender} 都从 {port} 出去",
            )
    for port, sender in random.sample(sorted(left.items()), len(left)):
        if nat.out(*sender) != port:
            return Words(
                en=f"{sender} leaves from another port the second time",
                zh=f"{sender} 第二次从另一个端口出去了",
            )
        found = nat.back(port)
        if found is None or tuple(found) != sender:
            return Words(
                en=f"back({port}) is {found}, though {sender} left from there",
                zh=f"back({port}) 是 {found}，可是从那里出去的是 {sender}",
            )
    stranger = next(port for port in _PORTS if port not in left)
    if nat.back(stranger) is not None or other.back(next(iter(left))) is not None:
        return words(
            "nobody has left from a port, and back still names somebody",
            "没有谁从这个端口出去过，back 却说出了一个",
        )
    return None


def _check_site(scene: Scene) -> Words | None:
    try:
        record = scene.engine.containers.get("site")
        state = scene.engine.containers.state("site")
    except ContainerNotFound:
        return words("there is no container called site", "没有叫 site 的容器")
    if state.status != RUNNING:
        return words("it does not run", "它没有在运行")
    if not record.ports:
        return words("no port of this machine leads into it", "本机没有端口通向它")
    for port in record.ports:
        if not port.startswith(("127.", "[::1]")):
            return Words(
                en=f"{port}: other machines may reach that", zh=f"{port}：别的机器也能访问"
            )
    directory = scene.room / "site"
    if not directory.is_dir():
        return words(
            "there is no directory site in lesson.directory", "lesson.directory 里没有目录 site"
        )
    page = directory / f"{secrets.token_hex(8)}.txt"
    page.write_text(secrets.token_hex(32))
    try:
        return _served(record.ports[0].partition("->")[0], page, state.pid)
    finally:
        page.unlink()


def _served(where: str, page: Path, pid: int) -> Words | None:
    """Ask until there is an answer, or the container has begun to listen and gives none."""
    end, listened = time.monotonic() + _PATIENCE, False
    while True:
        said = _fetch(where, page.name)
        if said == page.read_bytes():
            return None
        if said is not None:
            return Words(
                en=f"{where} answers, but does not serve a file that has just been put there",
                zh=f"{where} 有应答，却没有给出刚刚放进去的文件",
            )
        if listened or time.monotonic() > end:
            return Words(en=f"{where} does not answer", zh=f"{where} 没有应答")
        listened = _listens(pid)
        time.sleep(0.05)


def _fetch(where: str, name: str) -> bytes | None:
    """What is served there; None: nobody answers."""
    connection = http.client.HTTPConnection(where, timeout=_PATIENCE)
    try:
        connection.request("GET", f"/{name}")
        return connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _listens(pid: int) -> bool:
    """Whether anybody in the network namespace of a process waits for connections."""
    for kind in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]
            if any(line.split()[3] == _LISTENING for line in lines):
                return True
    return False


def _check_list(scene: Scene) -> Words | None:
    for kinds in (["bridge"], ["ptp", "tuning"], ["bridge", "portmap", "firewall"]):
        plugins: list[dict[str, Any]] = [{"type": kind, "mtu": 1400 + n} for n, kind in
                                         enumerate(kinds)]  # fmt: skip
        network: dict[str, Any] = {"cniVersion": "1.0.0", "name": f"net{random.randrange(1000)}"}
        network["plugins"] = plugins
        before = copy.deepcopy(network)
        common = {"name": network["name"], "cniVersion": "1.0.0"}
        added = [{"ips": [f"10.0.{n}.{random.randrange(256)}"]} for n in range(len(kinds))]
        previous: list[dict[str, Any]] = [{}, *({"prevResult": each} for each in added)]
        last = {"prevResult": added[-1]}
        wanted = {
            "ADD": [plugin | common | previous[n] for n, plugin in enumerate(plugins)],
            "DEL": [plugin | common | last for plugin in reversed(plugins)],
        }
        for command, result in (("ADD", None), ("DEL", added[-1])):
            calls = _Calls(added if command == "ADD" else [None] * len(kinds))
            returned = scene.answer(network, command, calls, copy.deepcopy(result))
            if calls.made != [(command, each) for each in wanted[command]]:
                return Words(
                    en=f"for {command} of {kinds} the calls are {wanted[command]}",
                    zh=f"对 {kinds} 做 {command}，依次的调用是 {wanted[command]}",
                )
            if command == "ADD" and returned != added[-1]:
                return words("ADD returns the last answer", "ADD 返回最后的回答")
            if network != before:
                return words("the network was changed", "传进来的 network 被改动了")
    return None


class _Calls:
    """Stands for running plugins: notes what they are told."""

    def __init__(self, answers: list[Any]) -> None:
        self._answers = list(answers)
        self.made: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, command: str, conf: dict[str, Any]) -> Any:
        self.made.append((command, copy.deepcopy(conf)))
        return copy.deepcopy(self._answers.pop(0)) if self._answers else None


_SITE = """
%oci rm --force --all
(lesson.directory / "site").mkdir(exist_ok=True)
options = f"OPTIONS {LEND}"
serve = "python3 -m http.server 80"
_ = %oci create --name site {options} $lesson.image sh -c "{serve}"
_ = %oci start site
%oci check 11-site
"""
_VOLUME = "--volume {lesson.directory}/site:/site --workdir /site"

EXERCISES = (
    Exercise(
        name="11-via",
        task=words(
            "Write via(routes, address): to which neighbour a packet goes next.",
            "写出 via(routes, address)：数据包下一步交给哪个邻居。",
        ),
        check=_check_via,
        function="via",
        hints=(
            words(
                "several routes may fit: their order in the list says nothing.",
                "可能有好几条路由符合：它们在列表里的先后不说明什么。",
            ),
            words(
                "keep those with ip_address(address) in ip_network(net); max by prefixlen; its "
                "gateway, or else the address itself.",
                "留下 ip_address(address) in ip_network(net) 的；取 prefixlen 最大的；"
                "答案是它的网关，没有网关就是地址本身。",
            ),
        ),
        solution="""
import ipaddress


def via(routes, address):
    there = ipaddress.ip_address(address)
    networks = [(ipaddress.ip_network(net), gateway) for net, gateway in routes]
    fit = [(net.prefixlen, gateway) for net, gateway in networks if there in net]
    if not fit:
        return None
    return max(fit, key=lambda each: each[0])[1] or address
""",
        wrong=(
            """
import ipaddress


def via(routes, address):
    for net, gateway in routes:
        if ipaddress.ip_address(address) in ipaddress.ip_network(net):
            return gateway or address
""",
            """
import ipaddress


def via(routes, address):
    there = ipaddress.ip_address(address)
    networks = [(ipaddress.ip_network(net), gateway) for net, gateway in routes]
    fit = [(net.prefixlen, gateway) for net, gateway in networks if there in net]
    return max(fit, key=lambda each: each[0])[1] if fit else None
""",
        ),
    ),
    Exercise(
        name="11-nat",
        task=words(
            "Write a class Nat with out(address, port) and back(port).",
            "写一个类 Nat，带有 out(address, port) 和 back(port)。",
        ),
        check=_check_nat,
        hints=(
            words(
                "two containers may both send from port 40000: what tells them apart outside?",
                "两个容器可能都从 40000 端口发送：在外面靠什么区分它们？",
            ),
            words(
                "a dictionary from (address, port) to a port that is free; back looks it up the "
                "other way round.",
                "一个字典，从 (address, port) 到一个空闲的端口；back 反过来查。",
            ),
        ),
        solution="""
class Nat:
    def __init__(self):
        self.ports = {}

    def out(self, address, port):
        return self.ports.setdefault((address, port), 1024 + len(self.ports))

    def back(self, port):
        return next((who for who, left in self.ports.items() if left == port), None)
""",
        wrong=(
            """
class Nat:
    def __init__(self):
        self.senders = {}

    def out(self, address, port):
        self.senders[port] = (address, port)
        return port

    def back(self, port):
        return self.senders.get(port)
""",
            """
class Nat:
    def __init__(self):
        self.senders = []

    def out(self, address, port):
        self.senders.append((address, port))
        return 1023 + len(self.senders)

    def back(self, port):
        return self.senders[port - 1024] if port - 1024 < len(self.senders) else None
""",
            """
class Nat:
    senders = {}

    def out(self, address, port):
        self.senders.setdefault((address, port), 1024 + len(self.senders))
        return self.senders[address, port]

    def back(self, port):
        return {left: who for who, left in self.senders.items()}.get(port)
""",
        ),
    ),
    Exercise(
        name="11-site",
        task=words(
            "Run a container site that serves the directory site on a port of this machine alone.",
            "运行容器 site，在只有本机能访问的端口上提供目录 site。",
        ),
        check=_check_site,
        hints=(
            words(
                "--publish, --volume (the directory, beside what LEND lends) and --workdir.",
                "--publish、--volume（那个目录，此外还有 LEND 借出的）和 --workdir。",
            ),
            words(
                "--network bridge --publish 127.0.0.1::80 --workdir /site, and a volume "
                "{lesson.directory}/site:/site; the command is sh -c 'python3 -m http.server 80'.",
                "--network bridge --publish 127.0.0.1::80 --workdir /site，再加一个卷 "
                "{lesson.directory}/site:/site；命令是 sh -c 'python3 -m http.server 80'。",
            ),
        ),
        solution=_SITE.replace("OPTIONS", f"--network bridge --publish 127.0.0.1::80 {_VOLUME}"),
        wrong=(
            _SITE.replace("OPTIONS", f"--network bridge {_VOLUME}"),
            _SITE.replace("OPTIONS", f"--network bridge --publish 127.0.0.1::81 {_VOLUME}"),
            _SITE.replace("OPTIONS", "--network bridge --publish 127.0.0.1::80 --workdir /etc"),
        ),
        answered=False,
        needs=("namespaces", "program:/usr/bin/python3"),
    ),
    Exercise(
        name="11-list",
        task=words(
            "Write run_list(network, command, call, result=None): a list of CNI plugins.",
            "写出 run_list(network, command, call, result=None)：一列 CNI 插件。",
        ),
        check=_check_list,
        function="run_list",
        hints=(
            words(
                "plugin | {…} makes a new object: nothing that was given is changed.",
                "plugin | {…} 会得到新的对象：传进来的不会被改动。",
            ),
            words(
                "loop over the plugins, reversed for DEL; add prevResult if result is not None; "
                "for ADD, and for ADD alone, what call returns is the next result.",
                "遍历插件，DEL 时反过来；result 不是 None 就加上 prevResult；"
                "只有 ADD 时，call 的回答才成为下一个 result。",
            ),
        ),
        solution="""
def run_list(network, command, call, result=None):
    common = {"name": network["name"], "cniVersion": network["cniVersion"]}
    plugins = network["plugins"] if command == "ADD" else reversed(network["plugins"])
    for plugin in plugins:
        previous = {} if result is None else {"prevResult": result}
        said = call(command, plugin | common | previous)
        result = said if command == "ADD" else result
    return result
""",
        wrong=(
            """
def run_list(network, command, call, result=None):
    common = {"name": network["name"], "cniVersion": network["cniVersion"]}
    for plugin in network["plugins"]:
        previous = {} if result is None else {"prevResult": result}
        said = call(command, plugin | common | previous)
        result = said if command == "ADD" else result
    return result
""",
            """
def run_list(network, command, call, result=None):
    common = {"name": network["name"], "cniVersion": network["cniVersion"]}
    plugins = network["plugins"] if command == "ADD" else reversed(network["plugins"])
    for plugin in plugins:
        result = call(command, plugin | common | {"prevResult": result})
    return result
""",
            """
def run_list(network, command, call, result=None):
    plugins = network["plugins"] if command == "ADD" else network["plugins"][::-1]
    for plugin in plugins:
        plugin |= {"name": network["name"], "cniVersion": network["cniVersion"]}
        if result is not None:
            plugin["prevResult"] = result
        said = call(command, plugin)
        result = said if command == "ADD" else result
    return result
""",
        ),
    ),
)
