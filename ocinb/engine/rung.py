"""A rung of the ladder: one way of running containers, and what was found out about it."""

from __future__ import annotations

from ocinb.engine.emulated.launch_plan import KINDS
from ocinb.engine.subordinate_ids import ALL_IDS, Ids
from ocinb.frozen import Frozen
from ocinb.overlay.probe import Attempt, Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROOT = "root"
USER_NAMESPACE = "user namespace"
NOTHING = "nothing"


class Rung(Frozen):
    """One way of running containers, tried.

    Attributes:
        name: ``root``, ``user namespace``, ``proot``, ``fakechroot`` or ``nothing``.
        works: whether the kernel allowed it.
        answer: what the kernel said.
        enable: what would make it work; empty where it does.
        mount: how layers are stacked there.
        probe: everything that was tried for mounts; None where that was not asked for.
        ids: the ids of containers; None where there are no namespaces.
        lost: features that containers do not have there.
        proc: why no new /proc can be mounted there; empty: it can.
    """

    name: str
    works: bool
    answer: str
    enable: str
    mount: Attempt | None
    probe: Probe | None
    ids: Ids | None = None
    lost: tuple[str, ...] = ()
    proc: str = ""

    @property
    def user_namespace(self) -> bool:
        """Whether a user namespace is needed to stand here."""
        return self.name == USER_NAMESPACE

    @property
    def emulated(self) -> bool:
        """Whether containers are only processes here, which nothing isolates."""
        return self.name in KINDS

    @property
    def rootless(self) -> bool:
        """Whether what needs the machine's own superuser is out of reach."""
        return self.name != ROOT or (self.ids is not None and self.ids.count < ALL_IDS)

    @property
    def one_id(self) -> bool:
        """Whether containers have the id 0 only."""
        return self.ids is None or self.ids.single

    def notice(self, better: str) -> str:
        """What a person is told once, in one sentence; empty where nothing is lost.

        Args:
            better: why it is no better rung; see ``refusals``.
        """
        if not self.lost:
            return ""
        how = {ROOT: "as root", USER_NAMESPACE: "in a user namespace"}.get(
            self.name, f"by {self.name}"
        )
        reason = f" ({better})" if better else ""
        return f"containers run {how}{reason}: {'; '.join(self.lost)}"


class Choice(Frozen):
    """The rung that was chosen.

    Attributes:
        rung: the best that works.
        better: why it is no better one; empty for the first.
    """

    rung: Rung
    better: str

    def document(self) -> dict[str, Any]:
        """As plain JSON values, without all that was tried."""
        rung = self.rung
        assert rung.mount is not None  # one that works has one
        ids = rung.ids and {**rung.ids.document(), "why": rung.ids.why}
        kept = {**dict(rung), "mount": dict(rung.mount), "probe": None, "ids": ids}
        return {"rung": kept, "better": self.better}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Choice:
        """What ``document`` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not such a document.
        """
        values = dict(document["rung"])
        mount, ids = dict(values["mount"]), values["ids"]
        mount["flags"] = tuple(mount["flags"])
        values.update(
            mount=Attempt(**mount), ids=ids and Ids.from_document(ids), lost=tuple(values["lost"])
        )
        return cls(rung=Rung(**values), better=str(document["better"]))
