"""Where ocinb keeps things: its own knobs, each with an environment variable.

"config" means two OCI documents in this project, so these are settings. Only the top tiers read
them; rooms below take paths and values as arguments.
"""

from __future__ import annotations

import os
from pathlib import Path

from ocinb.frozen import Frozen


class Settings(Frozen):
    """Directories and defaults.

    Attributes:
        root: what is kept: the store, unpacked layers, containers (``OCINB_ROOT``).
        run_root: what lasts until reboot: state of containers, sockets (``OCINB_RUN_ROOT``).
        runtime: the OCI runtime: ``ocinb``, ``runc``, ``crun`` or a path; or what takes its place:
            ``proot``, ``fakechroot`` (``OCINB_RUNTIME``).
        insecure_registries: hosts spoken to by plain HTTP besides loopback
            (``OCINB_INSECURE_REGISTRIES``, separated by commas).
        layer_limits: how much a layer may ask for, as in ``size=200G,ratio=1000``; see
            ``layer.changeset.Limits`` (``OCINB_LAYER_LIMITS``).
    """

    root: Path
    run_root: Path
    runtime: str = "ocinb"
    insecure_registries: tuple[str, ...] = ()
    layer_limits: str = ""

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings of this process: environment first, else the convention for this user.

        The superuser has ``/var/lib/ocinb`` and ``/run/ocinb``; anybody else has the XDG
        directories (``~/.local/share/ocinb`` and ``$XDG_RUNTIME_DIR/ocinb``).
        """
        get = os.environ.get
        if os.geteuid() == 0:
            root, run_root = "/var/lib/ocinb", "/run/ocinb"
        else:
            data = get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
            root = os.path.join(data, "ocinb")
            run = get("XDG_RUNTIME_DIR")
            run_root = os.path.join(run, "ocinb") if run else f"/tmp/ocinb-run-{os.geteuid()}"
        insecure = get("OCINB_INSECURE_REGISTRIES", "")
        return cls(
            root=Path(get("OCINB_ROOT") or root),
            run_root=Path(get("OCINB_RUN_ROOT") or run_root),
            runtime=get("OCINB_RUNTIME") or "ocinb",
            insecure_registries=tuple(h.strip() for h in insecure.split(",") if h.strip()),
            layer_limits=get("OCINB_LAYER_LIMITS", ""),
        )

    @property
    def store(self) -> Path:
        """The content store, an OCI image layout."""
        return self.root / "store"

    @property
    def layers(self) -> Path:
        """Unpacked layers, one directory for each chainID."""
        return self.root / "layers"

    @property
    def owned(self) -> Path:
        """Copies of images' files that are not the superuser's, for containers with many ids."""
        return self.root / "owned"

    @property
    def containers(self) -> Path:
        """One directory for each container: its bundle, writable layer and log."""
        return self.root / "containers"

    @property
    def volumes(self) -> Path:
        """Volumes that outlive containers, by name."""
        return self.root / "volumes"

    @property
    def networks(self) -> Path:
        """Networks of containers, by name."""
        return self.root / "networks"

    @property
    def network_state(self) -> Path:
        """Addresses in use, and records of what was made for containers' networks."""
        return self.run_root / "networks"

    @property
    def mounts(self) -> Path:
        """Records of the mounts we made, so that a crash can be repaired."""
        return self.run_root / "mounts"

    @property
    def runtime_state(self) -> Path:
        """``--root`` of the OCI runtime."""
        return self.run_root / "runtime"
