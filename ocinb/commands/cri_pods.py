"""``cri``: pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.cri_endpoint import client, pod_id, pods, seconds
from ocinb.commands.options import listing, names_only
from ocinb.commands.quantities import pairs
from ocinb.commands.tree import Command
from ocinb.commands.values import Done
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

_PODS = columns("name status handler address created:time namespace? id?")


@click.command("run-pod", cls=Command)
@click.argument("pod")
@click.option("--handler", default="", metavar="NAME", help="The runtime's; a RuntimeClass's.")
@click.option("--namespace", default="default", metavar="NAME", help="Of Kubernetes.")
@click.option("--host-network", is_flag=True, help="No network of its own.")
@click.option("-l", "--label", multiple=True, metavar="NAME=VALUE", help="For whoever selects.")
@click.pass_obj
def run_pod(
    session: Session,
    pod: str,
    handler: str,
    namespace: str,
    host_network: bool,
    label: tuple[str, ...],
) -> Done:
    """Make a pod's sandbox: its namespaces, and its network."""
    with pods(session) as kubelet:
        made = kubelet.run(
            pod,
            handler=handler,
            namespace=namespace,
            network="NODE" if host_network else "POD",
            labels=pairs("--label", label),
        )
        address = kubelet.sandbox(made).network.ip
    told = f"its address is {address}" if address else "it has this machine's network"
    return Done(made, f"pod {pod} is ready, {told}: {made}")


@click.command("pods", cls=Command)
@names_only
@listing
@click.pass_obj
def list_pods(session: Session) -> Table:
    """List the pods."""
    from ocinb.cri.wire import enum_name

    with client(session) as call:
        rows = []
        for each in call("ListPodSandbox").items:
            status = call("PodSandboxStatus", pod_sandbox_id=each.id).status
            word = enum_name("PodSandboxState", each.state).removeprefix("SANDBOX_").lower()
            handler = each.runtime_handler or status.runtime_handler
            rows.append(
                (each.metadata.name, word, handler, status.network.ip, seconds(each.created_at),
                 each.metadata.namespace, each.id)
            )  # fmt: skip
    return Table(_PODS, rows, title="pods")


@click.command("rm-pod", cls=Command)
@click.argument("pod")
@click.pass_obj
def rm_pod(session: Session, pod: str) -> Done:
    """Stop and remove a pod, with its containers and their logs."""
    with pods(session) as kubelet:
        found = pod_id(kubelet.client, pod)
        kubelet.remove_pod(found)
    return Done(found, f"pod {pod} is removed")


@click.command("stop-pod", cls=Command)
@click.argument("pod")
@click.pass_obj
def stop_pod(session: Session, pod: str) -> Done:
    """End a pod's containers and take its network down."""
    with client(session) as call:
        found = pod_id(call, pod)
        call("StopPodSandbox", pod_sandbox_id=found)
    return Done(found, f"pod {pod} is stopped")


POD_COMMANDS = (run_pod, list_pods, stop_pod, rm_pod)
