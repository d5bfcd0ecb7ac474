"""The registry as a process: ``python -m ocinb.registry --root DIR --port N``.

It writes one line to standard output, its address, when it listens; SIGTERM and SIGINT end it.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from ocinb.errors import OcinbError
from ocinb.registry.access import Access, Basic
from ocinb.registry.certificates import Certificates
from ocinb.registry.faults import FaultPlan
from ocinb.registry.passwords import Htpasswd
from ocinb.registry.serve import RegistryServer
from ocinb.registry.tokens import TokenServer

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--root", required=True, type=click.Path(path_type=Path), help="Its directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, help="Port; 0 chooses a free one.")
@click.option("--read-only", is_flag=True, help="Refuse whatever would change it.")
@click.option("--chunk-min-length", default=0, help="Announced least size of a chunk, bytes.")
@click.option("--htpasswd", type=EXISTING, help="Ask for a name and password of this file.")
@click.option("--token", is_flag=True, help="Passwords are asked by a token server.")
@click.option("--anonymous-pull", is_flag=True, help="Anybody may read.")
@click.option("--tls", is_flag=True, help="HTTPS; makes an authority, ROOT/tls/ca.crt.")
@click.option("--tls-cert", type=EXISTING, help="HTTPS with this certificate (PEM).")
@click.option("--tls-key", type=EXISTING, help="Its private key (PEM).")
@click.option("--slow", default=0, metavar="BYTES_PER_S", help="Fault: slow bodies.")
@click.option("--drop-after", default=0, metavar="BYTES", help="Fault: cut answers.")
@click.option("--rate-limit", default=0, metavar="N", help="Fault: 429 beyond N requests/s.")
@click.option("--status", default=0, metavar="STATUS", help="Fault: refuse with this status.")
@click.option("--times", default=0, metavar="N", help="How often; 0 for always.")
def main(**options: Any) -> None:
    """Serve a registry until it is told to stop."""
    try:
        server = RegistryServer(
            options["root"],
            host=options["host"],
            port=options["port"],
            read_only=options["read_only"],
            minimum_chunk=options["chunk_min_length"],
            access=_access(options),
            faults=FaultPlan(
                **{key: options[key] for key in ("slow", "drop_after", "rate_limit", "status")},
                times=options["times"],
            ),
            tls=_tls(options),
        ).start()
    except OcinbError as error:
        raise click.ClickException(f"{error}{f' ({error.hint})' if error.hint else ''}") from error
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    click.echo(server.address)
    sys.stdout.flush()
    ended.wait()
    server.stop()


def _access(options: dict[str, Any]) -> Access | None:
    if not options["htpasswd"]:
        if options["token"] or options["anonymous_pull"]:
            raise click.UsageError("--token and --anonymous-pull need --htpasswd")
        return None
    kind = TokenServer if options["token"] else Basic
    return kind(Htpasswd(options["htpasswd"]), anonymous_pull=options["anonymous_pull"])


def _tls(options: dict[str, Any]) -> Certificates | bool:
    certificate, key = options["tls_cert"], options["tls_key"]
    if bool(certificate) != bool(key):
        raise click.UsageError("--tls-cert and --tls-key belong together")
    if not certificate:
        return bool(options["tls"])
    return Certificates(authority=certificate, certificate=certificate, key=key)


if __name__ == "__main__":
    main()
