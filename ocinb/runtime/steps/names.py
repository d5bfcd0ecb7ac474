"""Names and parameters that namespaces keep: host name, domain name, sysctl."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment


def set_hostname(env: Environment) -> None:
    """Spec: runtime-spec config.md#hostname"""
    if env.config.get("hostname"):
        env.kernel.sethostname(env.config["hostname"])


def set_domainname(env: Environment) -> None:
    """Spec: runtime-spec config.md#domainname"""
    if env.config.get("domainname"):
        env.kernel.setdomainname(env.config["domainname"])


def set_parameters(env: Environment) -> None:
    """Write kernel parameters, through the host's /proc, which shows the new namespaces' ones.

    Spec: runtime-spec config-linux.md#sysctl
    """
    for name, value in (env.linux.get("sysctl") or {}).items():
        env.applying(f"linux.sysctl.{name}")
        # With a slash in it the name is a path already, whose dots belong to interface names.
        path = name if "/" in name else name.replace(".", "/")
        env.kernel.write(f"/proc/sys/{path}", value)
