"""Freeing what belongs to no repository any longer."""

from __future__ import annotations

from ocinb.registry.app import Registry
from tests.support.empty import EMPTY_DESCRIPTOR
from tests.unit.registry.conftest import Caller


def test_only_what_no_repository_has_is_freed(call: Caller, registry: Registry) -> None:
    kept = call.push_manifest("a", "1")
    deleted = call.push_manifest("a", "2", annotations={"n": "2"})
    shared, alone = call.push_blob("a", b"shared"), call.push_blob("a", b"alone")
    call.push_blob("b", b"shared")
    for path in (f"manifests/{deleted}", f"blobs/{shared}", f"blobs/{alone}"):
        assert call("DELETE", f"/v2/a/{path}").status == 202
    assert registry.collect_garbage().blobs == ()  # all of it is new
    garbage = registry.collect_garbage(grace=0)
    assert {digest for digest, _ in garbage.blobs} == {deleted, alone}
    assert set(registry.store.digests()) == {kept, shared, EMPTY_DESCRIPTOR.digest}
    assert call("GET", f"/v2/b/blobs/{shared}").content() == b"shared"
