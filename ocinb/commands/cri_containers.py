"""``cri``: containers of pods."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.cri_endpoint import client, container_id, pod_id, pods, seconds
from ocinb.commands.options import listing, names_only
from ocinb.commands.output import write_bytes
from ocinb.commands.quantities import size
from ocinb.commands.tree import Command
from ocinb.commands.values import Document, Done, Exited, Text
from ocinb.errors import CommandError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

_CONTAINERS = columns("name status pod image created:time id?")
_STATS = columns("name memory:bytes processor:duration id?")
_EVENTS = columns("time:clock event container")
_PROGRAM = {"allow_interspersed_args": False}
"""What stands behind the container is the program's."""


@click.command(cls=Command, context_settings=_PROGRAM)
@click.argument("pod")
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("--name", metavar="NAME", help="In the pod; the image's if not given.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="Environment.")
@click.option("-t", "--tty", is_flag=True, help="A terminal for the program.")
@click.option("-u", "--user", type=int, metavar="NUMBER", help="Whose it is.")
@click.option("--read-only", is_flag=True, help="Its root.")
@click.option("-m", "--memory", metavar="SIZE", help="The most it may use, as in 64m.")
@click.option("-v", "--volume", multiple=True, metavar="DIR:PATH[:ro]", help="Of this machine.")
@click.pass_obj
def create(
    session: Session,
    pod: str,
    image: str,
    args: tuple[str, ...],
    name: str | None,
    env: tuple[str, ...],
    volume: tuple[str, ...],
    tty: bool,
    user: int | None,
    read_only: bool,
    memory: str | None,
) -> Done:
    """Make a container in a pod; its program does not run yet."""
    context: dict[str, Any] = {"readonly_rootfs": read_only}
    if user is not None:
        context["run_as_user"] = {"value": user}
    linux: dict[str, Any] = {"security_context": context}
    if memory:
        linux["resources"] = {"memory_limit_in_bytes": size("--memory", memory)}
    name = name or image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    with pods(session) as kubelet:
        made = kubelet.create(
            pod_id(kubelet.client, pod),
            image,
            name=name,
            linux=linux,
            args=list(args),
            tty=tty,
            envs=[_variable(text) for text in env],
            mounts=[_mount(text) for text in volume],
        )
    return Done(made, f"container {name} is created: {made}")


@click.command(cls=Command)
@click.argument("target", metavar="CONTAINER")
@click.pass_obj
def start(session: Session, target: str) -> Done:
    """Let the program of a container begin."""
    with pods(session) as kubelet:
        found = container_id(kubelet.client, target)
        kubelet.start(found)
    return Done(found, f"container {target} runs")


@click.command(cls=Command)
@click.argument("target", metavar="CONTAINER")
@click.option("-t", "--time", "grace", type=int, default=10, help="Seconds until KILL.")
@click.pass_obj
def stop(session: Session, target: str, grace: int) -> Done:
    """Ask a container to end; what does not is killed."""
    with pods(session) as kubelet:
        found = container_id(kubelet.client, target)
        kubelet.stop(found, grace)
    return Done(found, f"container {target} is stopped")


@click.command(cls=Command)
@click.argument("target", metavar="CONTAINER")
@click.pass_obj
def rm(session: Session, target: str) -> Done:
    """Remove a container from its pod."""
    with pods(session) as kubelet:
        found = container_id(kubelet.client, target)
        kubelet.remove(found)
    return Done(found, f"container {target} is removed")


@click.command(cls=Command)
@names_only
@listing
@click.pass_obj
def ps(session: Session) -> Table:
    """List the containers of all pods."""
    from ocinb.cri.wire import enum_name

    with client(session) as call:
        names = {each.id: each.metadata.name for each in call("ListPodSandbox").items}
        rows = [
            (
                each.metadata.name,
                enum_name("ContainerState", each.state).removeprefix("CONTAINER_").lower(),
                names.get(each.pod_sandbox_id, each.pod_sandbox_id),
                each.image.image,
                seconds(each.created_at),
                each.id,
            )
            for each in call("ListContainers").containers
        ]
    return Table(_CONTAINERS, rows, title="containers of pods")


@click.command(cls=Command)
@click.argument("target", metavar="CONTAINER")
@click.pass_obj
def inspect(session: Session, target: str) -> Document:
    """Show all that the runtime tells of a container, config.json too."""
    import json

    from google.protobuf.json_format import MessageToDict

    with client(session) as call:
        found = container_id(call, target)
        answer = call("ContainerStatus", container_id=found, verbose=True)
    document = MessageToDict(answer.status, preserving_proto_field_name=True)
    for name, text in answer.info.items():
        try:
            document[name] = json.loads(text)
        except ValueError:
            document[name] = text
    return Document(document, title=f"container {target}")


@click.command("exec", cls=Command, context_settings=_PROGRAM)
@click.argument("target", metavar="CONTAINER")
@click.argument("args", nargs=-1, type=click.UNPROCESSED, required=True)
@click.option("-i", "--interactive", is_flag=True, help="Give it this standard input.")
@click.option("-t", "--tty", is_flag=True, help="A terminal of its own.")
@click.option("--sync", is_flag=True, help="By one call, as a kubelet's probes are made.")
@click.pass_obj
def execute(
    session: Session, target: str, args: tuple[str, ...], interactive: bool, tty: bool, sync: bool
) -> Exited:
    """Run a program in a container, beside its own."""
    from ocinb.cri import streams

    output = session.output or write_bytes
    with pods(session) as kubelet:
        found = container_id(kubelet.client, target)
        if sync:
            status, said, complained = kubelet.execute(found, args)
            output(said, 1)
            output(complained, 2)
            return Exited(status)
        stdin = 0 if interactive and session.output is None else None
        columns_, lines = os.get_terminal_size(1) if tty and os.isatty(1) else (80, 24)
        return Exited(
            streams.execute(
                kubelet.client, found, args, output, stdin=stdin, tty=tty, size=(columns_, lines)
            )
        )


@click.command(cls=Command)
@click.argument("target", metavar="CONTAINER")
@click.pass_obj
def logs(session: Session, target: str) -> Text:
    """Show what a container wrote, from its log file.

    The runtime writes it, where the kubelet says.
    """
    with pods(session) as kubelet:
        lines = list(kubelet.logs(container_id(kubelet.client, target)))
    return Text("".join(line.text.decode(errors="replace") + "\n" * line.whole for line in lines))


@click.command(cls=Command)
@listing
@click.pass_obj
def stats(session: Session) -> Table:
    """Show what containers use: memory now, processor's time so far."""
    with client(session) as call:
        rows = [
            (
                each.attributes.metadata.name,
                each.memory.usage_bytes.value or each.memory.working_set_bytes.value,
                each.cpu.usage_core_nano_seconds.value / 1e9,
                each.attributes.id,
            )
            for each in call("ListContainerStats").stats
        ]
    return Table(_STATS, rows, title="what containers use")


@click.command(cls=Command)
@click.option("--for", "duration", type=float, default=10.0, help="Seconds to listen.")
@listing
@click.pass_obj
def events(session: Session, duration: float) -> Table:
    """Listen for what becomes of containers. Runtimes have it since containerd 1.7."""
    from ocinb.cri.wire import enum_name

    with client(session) as call:
        rows = [
            (
                each.created_at / 1e9,
                enum_name("ContainerEventType", each.container_event_type)
                .removeprefix("CONTAINER_")
                .removesuffix("_EVENT")
                .lower(),
                each.container_id,
            )
            for each in call.stream("GetContainerEvents", seconds=duration)
        ]
    return Table(_EVENTS, rows, title="events")


def _variable(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--env {text} has no value", hint="as in --env NAME=VALUE")
    return {"key": name, "value": value.encode()}


def _mount(text: str) -> dict[str, Any]:
    source, _, rest = text.partition(":")
    path, _, mode = rest.partition(":")
    if not (source.startswith("/") and path.startswith("/")) or mode not in ("", "ro", "rw"):
        raise CommandError(f"--volume {text} is not understood", hint="as in /srv/data:/data:ro")
    return {"host_path": source, "container_path": path, "readonly": mode == "ro"}


CONTAINER_COMMANDS = (create, start, stop, rm, ps, inspect, execute, logs, stats, events)
