"""What a layer changes, against the layers below it."""

from __future__ import annotations

import io

from ocinb.changes import apply, stack_changes
from ocinb.layer.changeset import DIRECTORY, FILE, OPAQUE, SYMLINK, WHITEOUT, Entry
from ocinb.layer.pack import pack
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe


def stack(*layers):
    """(added, changed, deleted) of each layer; an entry is ``kind:path``."""
    tree = {}
    return [
        apply(tree, [Entry(path=path, kind=kind) for kind, _, path in map(split, layer)])
        for layer in layers
    ]


def split(text):
    return text.partition(":")


BASE = (f"{DIRECTORY}:etc", f"{FILE}:etc/motd", f"{FILE}:etc/passwd")


def test_the_first_layer_adds():
    assert stack(BASE) == [(3, 0, 0)]


def test_a_directory_listed_again_is_no_change_a_file_is():
    assert stack(BASE, (f"{DIRECTORY}:etc", f"{FILE}:etc/motd"))[1] == (0, 1, 0)


def test_a_whiteout_deletes_a_file_or_a_whole_directory():
    assert stack(BASE, (f"{WHITEOUT}:etc/motd",))[1] == (0, 0, 1)
    assert stack(BASE, (f"{WHITEOUT}:etc",))[1] == (0, 0, 3)


def test_a_whiteout_of_what_is_not_there_deletes_nothing():
    assert stack(BASE, (f"{WHITEOUT}:etc/nothing", f"{WHITEOUT}:no/such"))[1] == (0, 0, 0)


def test_an_opaque_directory_hides_lower_content_wherever_it_stands_in_the_archive():
    assert stack(BASE, (f"{FILE}:etc/new", f"{OPAQUE}:etc"))[1] == (1, 0, 2)


def test_a_directory_in_the_place_of_a_file_and_back():
    to_directory = (f"{DIRECTORY}:etc/motd", f"{FILE}:etc/motd/today")
    assert stack(BASE, to_directory, (f"{FILE}:etc/motd",))[1:] == [(1, 1, 0), (0, 1, 1)]


def test_an_opaque_root_hides_everything():
    assert stack(BASE, (f"{OPAQUE}:",))[1] == (0, 0, 3)


def test_a_file_through_a_symlink_or_a_missing_parent_is_counted_once():
    assert stack((f"{SYMLINK}:lib",), (f"{FILE}:lib/x", f"{FILE}:a/b/c"))[1][0] >= 2


def test_layers_are_read_from_their_blobs():
    entries = [
        Entry(path="etc", kind=DIRECTORY, mode=0o755),
        Entry(path="etc/motd", kind=FILE, size=2, source=b"hi"),
    ]
    blobs = {}
    descriptors = []
    for layer in (entries, [Entry(path="etc/motd", kind=WHITEOUT)]):
        out = io.BytesIO()
        packed = pack(layer, out)
        descriptor = describe(out.getvalue(), media_types.LAYER_GZIP)
        blobs[descriptor.digest] = out.getvalue()
        descriptors.append((descriptor, packed.diff_id))
    found = list(stack_changes([d for d, _ in descriptors], lambda d: io.BytesIO(blobs[d])))
    assert [change.diff_id for change in found] == [diff_id for _, diff_id in descriptors]
    assert [(c.added, c.changed, c.deleted, c.whiteouts) for c in found] == [
        (2, 0, 0, ()),
        (0, 0, 1, ("/etc/motd",)),
    ]
