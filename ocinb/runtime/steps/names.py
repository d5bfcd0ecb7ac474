"""Names and parameters that namespaces keep: host name, domain name, sysctl."""

from __future__ import annotations

from ocinb.errors import StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment


def set_hostname(env: Environment) -> None:
    """Spec: runtime-spec config.md#hostname"""
    if env.config.get("hostname"):
        _keep_host(env, "uts")
        env.kernel.sethostname(env.config["hostname"])


def set_domainname(env: Environment) -> None:
    """Spec: runtime-spec config.md#domainname"""
    if env.config.get("domainname"):
        _keep_host(env, "uts")
        env.kernel.setdomainname(env.config["domainname"])


def set_parameters(env: Environment) -> None:
    """Write kernel parameters, through the host's /proc, which shows the new namespaces' ones.

    Spec: runtime-spec config-linux.md#sysctl
    """
    for name, value in (env.linux.get("sysctl") or {}).items():
        env.applying(f"linux.sysctl.{name}")
        _keep_host(env, _kind(name))
        # With a slash in it the name is a path already, whose dots belong to interface names.
        path = name if "/" in name else name.replace(".", "/")
        env.kernel.write(f"/proc/sys/{path}", value)


def _kind(parameter: str) -> str:
    """The namespace that keeps a parameter."""
    if parameter.startswith("net"):
        return "network"
    return "uts" if parameter.endswith(("hostname", "domainname")) else "ipc"


def _keep_host(env: Environment, kind: str) -> None:
    """Refuse to change a namespace that has a path, but is the one that the runtime is in."""
    if kind in env.joined_own:
        raise StepFailed(
            f"{env.recording.field} would change the host: the {kind} namespace in "
            "linux.namespaces is that of the runtime itself",
            hint=f"leave the path out, for a {kind} namespace of the container's own",
            citation="runtime-spec config-linux.md#namespaces",
        )
