"""The client as a person's environment configures it; logging in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.distribution.auth_file import AuthFile, AuthFiles, auth_files
from ocinb.distribution.client import Client
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.registries_conf import RegistriesConf
from ocinb.distribution.trust import Trust
from ocinb.events import ignore

if TYPE_CHECKING:
    from ocinb.events import Record


def user_client(
    environment: Mapping[str, str], *, insecure: Iterable[str] = (), record: Record = ignore
) -> Client:
    """A client with the logins, mirrors, certificates and proxies that are set up here.

    Raises:
        InvalidDocument: a registries.conf that is malformed.
    """
    hosts = user_hosts(environment, insecure)
    return Client(credentials=AuthFiles(auth_files(environment)), hosts=hosts, record=record)


def user_hosts(environment: Mapping[str, str], insecure: Iterable[str] = ()) -> Hosts:
    """What is configured about registries.

    The first registries.conf that exists is read: ``OCINB_REGISTRIES_CONF``, the user's
    ``containers/registries.conf``, that of ``/etc``. Certificates are those of ``containers`` and
    ``docker``, the user's before the machine's.

    Raises:
        InvalidDocument: the file is malformed.
    """
    home = Path(environment.get("HOME") or Path.home())
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers"
    places = [config / "registries.conf", Path("/etc/containers/registries.conf")]
    if environment.get("OCINB_REGISTRIES_CONF"):
        places = [Path(environment["OCINB_REGISTRIES_CONF"])]
    place = next((path for path in places if path.is_file()), places[0])
    certificates = [
        config / "certs.d",
        Path("/etc/containers/certs.d"),
        Path("/etc/docker/certs.d"),
    ]
    return Hosts(insecure, conf=RegistriesConf.read(place), trust=Trust(certificates))


def log_in(
    registry: str, login: Login, file: AuthFile, hosts: Hosts, record: Record = ignore
) -> str:
    """Let a registry check a login, then keep it; where it is kept.

    Raises:
        AuthenticationFailed: the registry does not accept it; nothing is kept.
        RegistryUnreachable, RegistryError, StorageError.
    """
    with Client(credentials=FixedLogin(registry, login), hosts=hosts, record=record) as client:
        client.ping(registry)
    return file.save(registry, login)


def log_out(registry: str, files: Iterable[AuthFile]) -> list[Path]:
    """Forget the logins of a registry; the files that had one.

    Raises:
        AuthenticationFailed, StorageError: a file or helper is broken.
    """
    return [file.path for file in files if file.remove(registry)]
