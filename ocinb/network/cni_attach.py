"""A container attached by CNI plugins: programs that are told by environment and standard input.

Spec: CNI 1.0.0 SPEC.md#section-2-execution-protocol
"""

from __future__ import annotations

import json
import subprocess
import time

from ocinb.errors import NetworkError
from ocinb.network import names
from ocinb.network.cni_config import CniNetwork, plugin_path
from ocinb.network.container_namespace import ContainerNamespace
from ocinb.network.serving import Served

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ocinb.network.attachments import Attachment

INTERFACE = "eth0"
_PATIENCE = 50


def connect(attachment: Attachment, pid: int) -> None:
    """Have every plugin of the list add the container, in their order.

    Raises:
        NetworkError: one refused; in its words. The caller undoes the rest.

    Spec: CNI 1.0.0 SPEC.md#adding-an-attachment
    """
    values = attachment.values
    network = CniNetwork(values["cni"]["list"], "the network")
    # The plugin that publishes ports needs their numbers. They are free a moment before it.
    with Served(attachment):
        pass
    with ContainerNamespace(pid) as namespace:
        with namespace.interfaces() as inside:
            inside.set_up("lo")
        result: dict[str, Any] = {}
        for plugin in network.plugins:
            began = time.perf_counter()
            said = _call("ADD", attachment, network, plugin, result or None, namespace.path)
            # A plugin that makes nothing of the result may leave out to hand it on.
            result = said or result
            attachment.tell("made", "plugin", plugin["type"], "ADD", time.perf_counter() - began)
    addresses = [str(each.get("address", "")) for each in result.get("ips") or ()]
    ip = addresses[0].partition("/")[0] if addresses else None
    attachment.note(result=result, ip=ip)
    for address in addresses:
        attachment.tell("made", "address", address, f"on {INTERFACE}")
    mine = [names.line(ip, values["names"])] if ip else []
    names.write_hosts(values["hosts"], [*values["base_hosts"], *mine])


def detach(attachment: Attachment) -> None:
    """Have every plugin undo what it did, in the opposite order; all of them are asked.

    The namespace is gone by now: an empty CNI_NETNS says so.

    Raises:
        NetworkError: one could not.

    Spec: CNI 1.0.0 SPEC.md#deleting-an-attachment
    """
    network = CniNetwork(attachment.values["cni"]["list"], "the network")
    result = attachment.values.get("result")
    problems = []
    for plugin in reversed(network.plugins):
        try:
            _call("DEL", attachment, network, plugin, result, "")
            attachment.tell("removed", "plugin", plugin["type"], "DEL")
        except NetworkError as error:
            problems.append(error.message)
    if problems:
        raise NetworkError("; ".join(problems))


def check(attachment: Attachment, pid: int) -> None:
    """Ask every plugin whether all that it made is still as it should be.

    Raises:
        NetworkError: one says that it is not, or the network is not to be asked.

    Spec: CNI 1.0.0 SPEC.md#checking-an-attachment
    """
    network = CniNetwork(attachment.values["cni"]["list"], "the network")
    if not network.may_be_checked:
        return
    result = attachment.values.get("result")
    with ContainerNamespace(pid) as namespace:
        for plugin in network.plugins:
            _call("CHECK", attachment, network, plugin, result, namespace.path)


def versions(program: str) -> list[str]:
    """The versions of the protocol that a plugin speaks.

    Raises:
        NetworkError: it does not say.

    Spec: CNI 1.0.0 SPEC.md#version-success
    """
    said = _run(program, {"CNI_COMMAND": "VERSION"}, {"cniVersion": "1.0.0"})
    supported = said.get("supportedVersions")
    if not isinstance(supported, list):
        raise NetworkError(f"the plugin {program} does not tell its versions")
    return [str(version) for version in supported]


def request(
    network: CniNetwork,
    plugin: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    capabilities: Mapping[str, Any],
) -> dict[str, Any]:
    """What a plugin is told on standard input.

    Args:
        previous: the result before it, or of the whole list.
        capabilities: what the runtime has to say to plugins that declared to take it.

    Spec: CNI 1.0.0 SPEC.md#deriving-execution-configuration-from-plugin-configuration
    """
    told = {key: value for key, value in plugin.items() if key != "capabilities"}
    told |= {"cniVersion": network.version, "name": network.name}
    declared = plugin.get("capabilities") or {}
    wanted = {key: value for key, value in capabilities.items() if declared.get(key)}
    if wanted:
        told["runtimeConfig"] = wanted
    if previous is not None:
        told["prevResult"] = previous
    return told


def _capabilities(attachment: Attachment) -> dict[str, Any]:
    """Spec: CNI CONVENTIONS.md#well-known-capabilities"""
    values = attachment.values
    found: dict[str, Any] = {}
    mappings = [
        {
            "hostPort": port["host_port"],
            "containerPort": port["port"],
            "protocol": port["protocol"],
            "hostIP": port["host_ip"],
        }
        for port in values["ports"]
    ]
    if mappings:
        found["portMappings"] = mappings
    if values["ip"]:
        found["ips"] = [values["ip"]]
    if values["mac"]:
        found["mac"] = values["mac"]
    return found


def _call(
    command: str,
    attachment: Attachment,
    network: CniNetwork,
    plugin: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    namespace: str,
) -> dict[str, Any]:
    directories = attachment.values["cni"]["path"]
    program = plugin_path(plugin["type"], directories)
    if program is None:
        raise NetworkError(f"the plugin {plugin['type']} is not installed")
    wished = attachment.values["ip"] if not network.can("ips") else None
    variables = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": attachment.container,
        "CNI_NETNS": namespace,
        "CNI_IFNAME": INTERFACE,
        "CNI_ARGS": "IgnoreUnknown=1" + (f";IP={wished}" if wished else ""),
        "CNI_PATH": ":".join(directories),
    }
    told = request(network, plugin, previous, _capabilities(attachment))
    return _run(program, variables, told)


def _run(program: str, variables: dict[str, str], told: dict[str, Any]) -> dict[str, Any]:
    """Spec: CNI 1.0.0 SPEC.md#errors"""
    name = program.rpartition("/")[2]
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        done = subprocess.run(
            [program],
            input=json.dumps(told).encode(),
            env=environment | variables,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NetworkError(f"the plugin {name} did not end within {_PATIENCE} seconds") from None
    except OSError as error:
        raise NetworkError(f"the plugin {name} cannot be run: {error}") from None
    try:
        said = json.loads(done.stdout) if done.stdout.strip() else {}
    except ValueError:
        said = None
    if done.returncode:
        answer = said if isinstance(said, dict) else {}
        words = [str(answer[key]) for key in ("msg", "details") if answer.get(key)]
        words = words or done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = ": ".join(words) or "without a word"
        raise NetworkError(f"the plugin {name} refused {variables['CNI_COMMAND']}: {why}")
    if not isinstance(said, dict):
        raise NetworkError(f"what the plugin {name} answered is not a JSON object")
    return said
