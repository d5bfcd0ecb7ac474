"""The monitor of one container: a small process that outlives whoever started it.

It makes the mounts (in a mount namespace of its own, for ordinary users inside a user namespace),
calls the OCI runtime, holds the container's output, reaps its first process, writes down how it
ended, and cleans up. It takes orders from the engine as long as there is one; afterwards the
container goes on by itself, and the files of its directory tell what became of it.

Run as ``python -I -S shim.py DIRECTORY CONTROL STDOUT STDERR``: the container's directory, and
three descriptors: the socket to the engine, and where output goes (-1: to the engine, as frames).
Standard input is the container's.
"""

from __future__ import annotations

import json
import os
import sys

if __name__ == "__main__":
    # -I and -S leave out all of site-packages, so the package's place is told by this file's.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from ocinb.engine.container_files import ContainerFiles, Process, write_json
from ocinb.engine.frames import REPLY, error_document, pack
from ocinb.engine.monitor import Monitor
from ocinb.errors import OcinbError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel


def main(arguments: list[str]) -> None:
    """Become the monitor and stay until the container is gone."""
    directory, *numbers = arguments
    control, stdout, stderr = map(int, numbers)
    for descriptor in (control, stdout, stderr):
        # The runtime, and with it the container, must not get hold of these.
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
    # Twice: the engine need not wait for us, and nobody is our parent who could be killed.
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    kernel = Kernel()
    kernel.prctl(f.PR_SET_CHILD_SUBREAPER, 1)
    files = ContainerFiles(directory)
    try:
        write_json(files.monitor, dict(Process.of(os.getpid())))
        monitor = Monitor(files, kernel, control, sinks={1: stdout, 2: stderr})
    except (OcinbError, OSError) as error:  # a full disk: there is no file to say it in
        os.write(control, pack(REPLY, json.dumps(error_document(error)).encode()))
        os._exit(1)
    monitor.serve()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
