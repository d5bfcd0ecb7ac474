"""What a stack of layers shows, where their indexes alone tell it."""

from __future__ import annotations

from ocinb.layer.changeset import DIRECTORY, FILE, WHITEOUT
from ocinb.layer.index import LayerIndex, from_rows
from ocinb.layer.stack import Stack

_UNPACKER = 4711


def layer(
    *named: str,
    owner: int = 0,
    mode: int = 0o755,
    implied: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
) -> LayerIndex:
    """An index as an ordinary user's unpacking makes it: what is not named is that user's."""
    rows = {"": ("", DIRECTORY, 0o755, _UNPACKER, _UNPACKER, 0, 0, "", False, True)}
    for path in implied:
        rows[path] = (path, DIRECTORY, 0o755, _UNPACKER, _UNPACKER, 0, 0, "", False, True)
    for path in named:
        kind = FILE if path.endswith("file") else DIRECTORY
        rows[path] = (path, kind, mode, owner, owner, 0, 0, "", False, False)
    for path in removed:
        rows[path] = (path, WHITEOUT, 0, 0, 0, 0, 0, "", False, False)
    return from_rows(rows, {})


def owner(path: str, *layers: LayerIndex) -> int:
    return Stack(layers).attributes(path).uid


def test_a_directory_that_no_layer_names_is_the_superusers() -> None:
    one = layer("a/file", owner=7, implied=("a",))
    assert owner("", one) == 0
    assert owner("a", one) == 0
    assert owner("a/file", one) == 7


def test_one_that_only_an_upper_layer_implies_keeps_the_owner_that_it_has_below() -> None:
    upper = layer("a/file", implied=("a",))
    assert owner("a", layer("a", owner=7), upper) == 7
    assert owner("a", layer("a", owner=7), layer("a", owner=8), upper) == 8
    assert owner("a", layer("a", owner=7), upper, layer("a", owner=9)) == 9


def test_one_that_hides_the_lower_one_does_not_take_after_it() -> None:
    below = layer("a", owner=7, mode=0o744)
    upper = layer("a/file", implied=("a",))
    attributes = Stack([below, upper]).attributes("a")
    assert (attributes.mode, attributes.uid) == (0o755, 0)
    assert Stack([below, upper]).counts[1].changed == 1
    assert owner("a", layer("a", owner=7), layer(removed=("a",)), upper) == 0
