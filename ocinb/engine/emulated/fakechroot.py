"""fakechroot: a library that is preloaded into each program moves its paths into the image.

It needs nothing of the kernel. It reaches dynamically linked programs only, and of those the ones
whose C library is GNU's and not older than what fakechroot was built for. A static program would
run on this machine's own files without a word, so those lose their permission to be executed in
the container's copy of the image.
"""

from __future__ import annotations

import glob
import os
import signal
import stat
import subprocess

from ocinb.engine.emulated import programs
from ocinb.engine.emulated.launch_plan import LaunchPlan
from ocinb.engine.emulated.places import normal
from ocinb.engine.emulated.program_files import static_programs
from ocinb.errors import StepFailed, SyscallError, UnsupportedHost
from ocinb.overlay.trees import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ocinb.engine.emulated.places import Places

_LIBRARIES = (
    "/usr/lib/*/fakechroot/libfakechroot.so",
    "/usr/lib*/fakechroot/libfakechroot.so",
)
_SHOWN = ("/proc", "/sys", "/dev")
"""Paths that stay this machine's."""
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
"""The dynamic linkers of GNU/Linux: they look like static programs."""
_LIBRARY_DIRECTORIES = ("/usr/local/lib", "/lib", "/usr/lib", "/lib64", "/usr/lib64")


def find_library() -> str:
    """The path of the library that moves paths.

    Raises:
        UnsupportedHost: it is not installed.
    """
    machine = os.uname().machine
    found = [path for pattern in _LIBRARIES for path in sorted(glob.glob(pattern))]
    found.sort(key=lambda path: machine not in path)
    if not found:
        raise UnsupportedHost(
            "fakechroot is not installed", hint="install it (Debian: apt-get install fakechroot)"
        )
    return found[0]


def prepare(places: Places) -> list[str]:
    """Make the container's copy of the image fit for fakechroot; which programs were refused.

    Bindings become symbolic links, in the place of what the image has there.

    Raises:
        StepFailed: a link cannot be made.
    """
    refused = []
    loaders = {path for path in (_real(places, p) for p in _LOADERS) if path}
    for path in static_programs(places.rootfs):
        if path not in loaders:
            os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) & ~0o111)
            refused.append(path.removeprefix(places.rootfs))
    for binding in places.bound:
        if not any(_within(binding.destination, shown) for shown in _SHOWN):
            _link(places.rootfs, binding.destination, binding.source)
    return refused


def plan(places: Places, process: dict[str, Any]) -> LaunchPlan:
    """How a process document is run under fakechroot.

    Raises:
        StepFailed: its program is static, or made for another C library than GNU's, or cannot be
            executed. UnsupportedHost: there is no fakechroot.
    """
    library = find_library()
    program = programs.find(places, process)
    *scripts, (last, executed) = programs.chain(places, program)
    if executed.kind != "dynamic":
        raise StepFailed(
            f'exec: "{last}": permission denied: a static program would run on the files of this '
            "machine under fakechroot",
            hint="ocinb doctor says what would allow it",
        )
    loader = _real(places, executed.interpreter)
    if loader is None:
        raise StepFailed(f'exec: "{last}": {executed.interpreter}: no such file or directory')
    directories = [_host(places, directory) for directory in _library_directories(places)]
    variables = programs.variables(places, process)
    before = variables.get("LD_LIBRARY_PATH", "")
    own = [_host(places, directory) for directory in before.split(":") if directory]
    variables |= {
        "FAKECHROOT": "true",
        "FAKECHROOT_BASE": places.rootfs,
        "FAKECHROOT_EXCLUDE_PATH": ":".join(_SHOWN),
        "FAKECHROOT_ELFLOADER": loader,
        "LD_LIBRARY_PATH": ":".join([*own, *directories]),
        "LD_PRELOAD": library,
    }
    if _verify(loader, _host(places, last), variables, library, last):
        variables["FAKECHROOT_ELFLOADER_OPT_ARGV0"] = "--argv0"
    arguments = [process["args"][0], *process["args"][1:]]
    for path, script in scripts:
        arguments = [script.interpreter, *filter(None, (script.argument,)), path, *arguments[1:]]
    argv0 = ("--argv0", arguments[0]) if "FAKECHROOT_ELFLOADER_OPT_ARGV0" in variables else ()
    return LaunchPlan(
        argv=(loader, *argv0, _host(places, last), *arguments[1:]),
        variables=variables,
        directory=_directory(places, process["cwd"]),
        filter=b"",
        depth=0,
        tells_status=False,
        last_signal=signal.SIGKILL,
    )


def _verify(loader: str, program: str, variables: dict[str, str], library: str, shown: str) -> bool:
    """Make sure that the image's dynamic linker loads the library: without it, it would go on all
    the same, and the program would run on this machine's files.

    Returns:
        Whether the dynamic linker knows ``--argv0``.

    Raises:
        StepFailed: it does not load it.
    """
    said = ""
    for arguments in (["--argv0", "verify"], []):
        done = subprocess.run(
            [loader, *arguments, "--list", program],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        output = done.stdout.decode(errors="replace")
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode == 0 and library in output and "cannot be preloaded" not in said:
            return bool(arguments)
    lines = said.splitlines()
    raise StepFailed(
        f'exec: "{shown}": permission denied: fakechroot cannot be loaded into it'
        + (f" ({lines[-1]})" if lines else ""),
        hint="it takes a GNU C library that is as new as this machine's",
    )


def _directory(places: Places, path: str) -> str:
    try:
        return places.host_path(path)
    except SyscallError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StepFailed(f"process.cwd {path} cannot be entered: {reason}") from None


def _library_directories(places: Places) -> list[str]:
    """Where the image's dynamic linker looks, in its paths; /etc/ld.so.conf.d is read for names."""
    found = []
    configured = ["/etc/ld.so.conf"]
    try:
        names = os.listdir(places.host_path("/etc/ld.so.conf.d"))
        configured += [f"/etc/ld.so.conf.d/{name}" for name in sorted(names)]
    except (SyscallError, OSError):
        pass
    for path in configured:
        for line in _lines(places, path):
            if line.startswith("/"):
                found.append(line)
    machine = os.uname().machine
    for directory in _LIBRARY_DIRECTORIES:
        found += [f"{directory}/{machine}-linux-gnu", directory]
    return list(dict.fromkeys(found))


def _lines(places: Places, path: str) -> Iterable[str]:
    try:
        with open(places.open(path, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
            return file.read(65536).splitlines()
    except (SyscallError, OSError):
        return []


def _real(places: Places, path: str) -> str | None:
    try:
        return places.host_path(path)
    except (SyscallError, OSError):
        return None


def _host(places: Places, path: str) -> str:
    """A path of the container as one of this machine, whether it is there or not."""
    return _real(places, path) or places.rootfs + normal(path)


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory}/")


def _link(rootfs: str, destination: str, source: str) -> None:
    """Put a link at a place of the copy; on the way there no link is followed."""
    here = rootfs
    parts = [part for part in destination.split("/") if part]
    try:
        for part in parts[:-1]:
            here = f"{here}/{part}"
            if os.path.islink(here):
                raise StepFailed(f"{destination}: {part} is a link in the image")
            os.makedirs(here, exist_ok=True)
        place = f"{here}/{parts[-1]}"
        remove_tree(place)
        os.symlink(source, place)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StepFailed(f"{destination} cannot be made in the image: {reason}") from None
