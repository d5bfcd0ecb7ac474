"""A container that is given another name, and what the others of its network call it."""

from __future__ import annotations

import pytest

from ocinb.bundle.options import ContainerOptions, Networking
from ocinb.engine import Engine

pytestmark = pytest.mark.root


def names_seen(engine: Engine, network: str) -> set[str]:
    """The names in the hosts file of one more container of the network."""
    written: list[bytes] = []
    engine.run(
        "box",
        ContainerOptions(args=["cat", "/etc/hosts"], network=network),
        output=lambda data, _: written.append(data),
    )
    return set(b"".join(written).decode().split())


def test_the_new_name_is_known_from_the_next_start_on(engine: Engine) -> None:
    engine.networks.create("mine")
    options = ContainerOptions(
        args=["sleep", "1000"], network="mine", networking=Networking(aliases=["alias"])
    )
    engine.run("box", options, name="before", detach=True)
    assert {"before", "alias"} <= names_seen(engine, "mine")
    engine.containers.rename("before", "after")
    seen = names_seen(engine, "mine")
    assert {"before", "alias"} <= seen
    assert "after" not in seen
    engine.containers.restart("after", 0)
    seen = names_seen(engine, "mine")
    assert {"after", "alias"} <= seen
    assert "before" not in seen
    engine.containers.delete("after", force=True)
    engine.networks.remove("mine")


def test_one_without_a_network_is_renamed_all_the_same(engine: Engine) -> None:
    engine.run("box", ContainerOptions(args=["true"]), name="before", keep=True)
    engine.containers.rename("before", "after")
    assert [record.name for record in engine.containers.all()] == ["after"]
    engine.containers.delete("after")
