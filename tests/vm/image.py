"""The small machine: a kernel of Debian's and a root file system that is only memory.

The kernel's package is downloaded, not installed, and kept under ``OCINB_TEST_CACHE``. Its image
is taken apart into the ELF file in it, which QEMU starts without the time that unpacking takes an
emulated processor.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import py_compile
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ocinb.content.store import Store
from tests.support.busybox_image import busybox_image
from tests.support.peers import require, require_system_python
from tests.vm.cpio import write_archive

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("OCINB_TEST_CACHE", "/var/cache/ocinb-tests"))
_META_PACKAGE = "linux-image-cloud-amd64"
_PYTHON = "/usr/bin/python3"

# From the boot protocol: Documentation/arch/x86/boot.rst.
_SETUP_SECTORS, _PAYLOAD_OFFSET, _PAYLOAD_LENGTH = 0x1F1, 0x248, 0x24C
_SECTOR = 512

_LEFT_OUT = shutil.ignore_patterns(
    "test", "idlelib", "tkinter", "lib2to3", "ensurepip", "pydoc_data", "config-*", "distutils",
    "unittest", "turtledemo", "dist-packages", "asyncio", "xml", "curses", "dbm",
    "__pycache__", "sqlite3", "wsgiref", "xmlrpc", "venv", "zoneinfo",
)  # fmt: skip
_MODULES = (
    "json", "ctypes", "posixsubprocess", "struct", "socket", "opcode", "typing", "uuid", "decimal",
    "hashlib", "bz2", "lzma", "queue", "ssl",
)  # fmt: skip
_PACKAGES = (
    "anyio", "backports", "certifi", "click", "h11", "httpcore", "httpx", "idna", "isal",
    "markdown_it", "mdurl", "msgspec", "pygments", "rich", "typing_extensions",
)  # fmt: skip
"""What the engine imports, of other people's."""


def kernel() -> Path:
    """The ELF image of the newest cloud kernel that apt knows; made once."""
    require("apt-get")
    require("lz4")
    CACHE.mkdir(parents=True, exist_ok=True)
    package = _package()
    vmlinux = CACHE / f"{package}.vmlinux"
    if not vmlinux.exists():
        work = CACHE / f"{package}.{os.getpid()}"
        work.mkdir()
        try:
            # As root apt drops privileges for downloading, and warns where it then cannot write.
            argv = ["apt-get", "download", "-o", "APT::Sandbox::User=root", package]
            subprocess.run(argv, cwd=work, check=True, capture_output=True)
            (deb,) = work.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", deb, work / "files"], check=True)
            (image,) = (work / "files/boot").glob("vmlinuz-*")
            _unpack_kernel(image.read_bytes(), work / "vmlinux")
            (work / "vmlinux").replace(vmlinux)
        finally:
            shutil.rmtree(work)
    return vmlinux


def _package() -> str:
    argv = ["apt-cache", "depends", _META_PACKAGE]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Depends: (linux-image-\S+)", shown)
    assert found, f"apt-cache depends {_META_PACKAGE} names no kernel: {shown!r}"
    return found[1]


def _unpack_kernel(image: bytes, target: Path) -> None:
    start = (image[_SETUP_SECTORS] + 1) * _SECTOR
    offset = int.from_bytes(image[_PAYLOAD_OFFSET : _PAYLOAD_OFFSET + 4], "little")
    length = int.from_bytes(image[_PAYLOAD_LENGTH : _PAYLOAD_LENGTH + 4], "little")
    # The last four bytes say how large it will be.
    payload = image[start + offset : start + offset + length - 4]
    with target.open("wb") as file:
        subprocess.run(["lz4", "-d", "-c"], input=payload, stdout=file, check=True)
    assert target.read_bytes()[:4] == b"\x7fELF"


def initial_ramdisk(directory: Path) -> Path:
    """A cpio archive of the root file system: busybox, Python, our runtime, the guest's tests."""
    root = directory / "root"
    for name in ("bin", "dev", "proc", "sys", "tmp", "run", "new", "etc", "vm", "usr/bin"):
        (root / name).mkdir(parents=True)
    _busybox(root)
    _python(root)
    shutil.copytree(ROOT / "tests/vm/guest", root / "vm", dirs_exist_ok=True)
    shutil.copytree(
        ROOT / "ocinb", root / "vm/ocinb", ignore=shutil.ignore_patterns("__pycache__", "notebook")
    )
    _compile(root / "vm", root)
    _packages(root)
    busybox_image(Store(root / "vm/store"))
    (root / "init").symlink_to("vm/init")
    archive = directory / "initrd"
    with archive.open("wb") as file:
        write_archive(root, file)
    shutil.rmtree(root)
    return archive


def _compile(directory: Path, root: Path) -> None:
    """Compile Python's files here, where it is quick; the guest takes them without a look."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(directory, quiet=2, stripdir=str(root), invalidation_mode=mode)


def _busybox(root: Path) -> None:
    busybox = require("busybox")
    shutil.copy(busybox, root / "bin/busybox")
    for applet in [
        "sh",
        "mount",
        "mkdir",
        "cp",
        "switch_root",
        "poweroff",
        "reboot",
        "mknod",
        "ln",
        "cat",
    ]:
        (root / "bin" / applet).symlink_to("busybox")


def _python(root: Path) -> None:
    """Debian's interpreter, the libraries that it and its modules need, its modules."""
    interpreter = Path(_PYTHON).resolve()
    shutil.copy(interpreter, root / "usr/bin/python3")
    source = Path("/usr/lib") / interpreter.name
    target = root / "usr/lib" / interpreter.name
    shutil.copytree(source, target, ignore=_LEFT_OUT, symlinks=False)
    for module in target.glob("lib-dynload/_*"):
        if not re.match(rf"_({'|'.join(_MODULES)})", module.name):
            module.unlink()
    _compile(target, root)
    _libraries(root, [interpreter, *target.glob("lib-dynload/*.so")])


def _packages(root: Path) -> None:
    """The packages that this interpreter has, which is of the version of Debian's."""
    require_system_python()
    target = root / "vm/packages"
    target.mkdir()
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        if spec.submodule_search_locations:
            (source, *_) = spec.submodule_search_locations
            shutil.copytree(source, target / name, ignore=_LEFT_OUT)
        else:
            assert spec.origin is not None
            shutil.copy(spec.origin, target)
    _compile(target, root)
    _libraries(root, target.rglob("*.so"))


def _libraries(root: Path, programs: Iterable[Path]) -> None:
    """What programs and extension modules are linked with."""
    for path in programs:
        shown = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+)", shown):
            copy = root / library.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)
