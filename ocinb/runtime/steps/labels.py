"""Labels of AppArmor and SELinux, where the kernel has them.

They are written to the process's own attributes through the host's /proc: the container's might
be anything, and a label that went nowhere would be no label (CVE-2019-16884, CVE-2025-52881).
"""

from __future__ import annotations

import os

from ocinb.errors import StepFailed, SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"
_NO_ENTRY = 2
UNCONFINED = "unconfined"


def check(env: Environment) -> None:
    """Refuse labels that this kernel cannot give, before anything is made.

    Raises:
        StepFailed: names the field.

    Spec: runtime-spec config.md#linux-process (apparmorProfile, selinuxLabel)
    Spec: runtime-spec config-linux.md#mount-label
    """
    env.apparmor = apparmor()
    profile = env.process.get("apparmorProfile")
    if profile and profile != UNCONFINED and not env.apparmor:
        raise _missing("process.apparmorProfile", "AppArmor")
    for field, value in (
        ("process.selinuxLabel", env.process.get("selinuxLabel")),
        ("linux.mountLabel", env.linux.get("mountLabel")),
    ):
        if value and not selinux():
            raise _missing(field, "SELinux")


def _missing(field: str, module: str) -> StepFailed:
    return StepFailed(
        f"{field} in config.json cannot be applied: the kernel of this machine has no {module}",
        hint=f"take {field} out, or enable {module}",
        citation="runtime-spec runtime.md#create",
    )


def apparmor() -> bool:
    """Whether AppArmor is enabled."""
    try:
        with open(_APPARMOR, encoding="ascii") as file:
            return file.read(1) == "Y"
    except OSError:
        return False


def selinux() -> bool:
    """Whether SELinux is enabled, enforcing or not."""
    return os.path.exists(_SELINUX)


def set_labels(env: Environment) -> None:
    """Say which labels the program shall have when it is executed.

    Spec: runtime-spec config.md#linux-process (apparmorProfile, selinuxLabel)
    """
    profile = env.process.get("apparmorProfile")
    if profile and env.apparmor:
        env.applying("process.apparmorProfile")
        _write(env, ("self/attr/apparmor/exec", "self/attr/exec"), f"exec {profile}")
    if env.process.get("selinuxLabel"):
        env.applying("process.selinuxLabel")
        _write(env, ("self/attr/exec",), env.process["selinuxLabel"])


def _write(env: Environment, names: tuple[str, ...], value: str) -> None:
    for name in names:
        try:
            fd = env.kernel.open(name, os.O_WRONLY | os.O_CLOEXEC, dirfd=env.host_proc)
        except SyscallError as error:
            if error.errno == _NO_ENTRY and name != names[-1]:
                continue  # an older kernel, without a directory for AppArmor
            raise
        try:
            os.write(fd, value.encode())
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StepFailed(f"{env.recording.field} {value!r} is refused: {reason}") from None
        finally:
            os.close(fd)
        return


def mount_data(env: Environment, data: str) -> str:
    """The data of a new filesystem, with the label of its files.

    Spec: runtime-spec config-linux.md#mount-label
    """
    label = env.linux.get("mountLabel")
    if not label or "context=" in data:
        return data
    return f'{data},context="{label}"' if data else f'context="{label}"'
