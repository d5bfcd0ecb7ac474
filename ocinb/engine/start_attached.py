"""``start --attach``: a container's program begun, and its streams shared from the first byte.

Spec: none (Docker convention)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ocinb.engine import ending, stages
from ocinb.engine.attached import INSISTING, Ended, raw_terminal, start_and_wait, wait_for_end
from ocinb.engine.connection import Connection
from ocinb.engine.container_files import read_json
from ocinb.engine.joining import streams
from ocinb.engine.launch import Shim
from ocinb.engine.one_start import one_start
from ocinb.engine.operations import require
from ocinb.spec.runtime_state import CREATED, STOPPED

if TYPE_CHECKING:
    from ocinb.engine.connection import OutputCallback
    from ocinb.engine.container_files import ContainerFiles
    from ocinb.engine.containers import Containers
    from ocinb.engine.operations import Operations
    from ocinb.events import Record


def start_attached(
    containers: Containers,
    operations: Operations,
    name: str,
    record: Record,
    *,
    output: OutputCallback | None,
    stdin: int | None,
    pass_on: bool | None,
) -> Ended | None:
    """Run the program of a container that was created, or that has ended, and wait for its end.

    Args:
        name: of the container.
        record: told everything that happens.
        output, stdin: as for ``joining.attach``.
        pass_on: as for ``attached.wait_for_end``.

    Returns:
        None where the keys to detach were typed.

    Raises:
        ContainerNotFound, StepFailed. InvalidStatus: it runs.
    """
    files, found = containers.find(name)
    if found.status == STOPPED:
        return _again(operations, files, record, output, stdin, pass_on)
    require(found, "start", CREATED)
    with Connection.to(files, output) as connection:
        terminal = connection.share("attach", streams(output, stdin)).get("terminal")
        with raw_terminal(connection, wanted=bool(terminal) and output is None):
            begin = partial(ending.start_created, operations, files, found.id)
            return wait_for_end(connection, INSISTING, begin=begin, pass_on=pass_on)


def _again(
    operations: Operations,
    files: ContainerFiles,
    record: Record,
    output: OutputCallback | None,
    stdin: int | None,
    pass_on: bool | None,
) -> Ended | None:
    with one_start(files, STOPPED):
        ending.forget_end(operations, files)
        try:
            with Shim(
                files, record, output=output, stdin=stdin, shares_output=output is None
            ) as shim:
                stages.make_again(shim, files)
                terminal = read_json(files.again)["create"]["terminal"]
                with raw_terminal(shim, wanted=terminal and output is None):
                    ended = start_and_wait(shim, remove=False, pass_on=pass_on)
                if ended is None:
                    shim.detach()
                return ended
        except BaseException as error:
            ending.note_failure(files, error)
            raise
