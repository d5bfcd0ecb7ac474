"""Who deletes a container, where several want to. Spec: runtime-spec runtime.md#delete"""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.errors import ContainerNotFound
from ocinb.runtime.container_state import Container, Containers
from ocinb.runtime.deletion import to_delete


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    return Containers(str(tmp_path / "root"))


@pytest.fixture
def ended(containers: Containers) -> Container:
    container = containers.claim("c", "/bundle", {"root": {"path": "rootfs"}})
    container.data["made"] = True
    container.save()
    return container


def test_one_that_does_not_exist_is_an_error_only_without_force(containers: Containers) -> None:
    assert to_delete(containers, "none", force=True) is None
    with pytest.raises(ContainerNotFound):
        to_delete(containers, "none", force=False)


@pytest.mark.parametrize("force", [False, True])
def test_whoever_comes_second_finds_that_it_is_done(
    containers: Containers, ended: Container, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = containers.load

    def then_another_is_quicker(container: str) -> Container:
        found = load(container)
        ended.forget()
        return found

    monkeypatch.setattr(containers, "load", then_another_is_quicker)
    assert to_delete(containers, "c", force=force) is None


def test_whoever_comes_first_has_it(containers: Containers, ended: Container) -> None:
    found = to_delete(containers, "c", force=False)
    assert found is not None
    assert found.id == ended.id
