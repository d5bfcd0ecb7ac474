"""What is mounted is decided without touching anything."""

from __future__ import annotations

import pytest

from ocinb.errors import BundleError
from ocinb.overlay.plan import COPY, FUSE, ONE_PAGE, OVERLAY, option_string, plan


def test_overlayfs_is_told_the_top_layer_first() -> None:
    made = plan(["/bottom", "/top"], "/merged", kind=OVERLAY, writable="/w", flags=["userxattr"])
    assert made.options == "lowerdir=/top:/bottom,upperdir=/w/upper,workdir=/w/work,userxattr"
    assert not made.by_descriptor


def test_without_a_writable_directory_there_is_no_upper_one() -> None:
    assert plan(["/a", "/b"], "/m", kind=FUSE).options == "lowerdir=/b:/a"


@pytest.mark.parametrize("path", ["/a:b", "/a,b", "/a\\b", "/a b", '/a"b'])
def test_directories_with_characters_that_mean_something_are_named_by_descriptor(path: str) -> None:
    made = plan([path, "/c"], "/m", kind=OVERLAY)
    assert made.by_descriptor
    names = {path: "/proc/self/fd/3", "/c": "/proc/self/fd/4"}
    assert option_string(made, names) == "lowerdir=/proc/self/fd/4:/proc/self/fd/3"


def test_options_longer_than_a_page_are_named_by_descriptor() -> None:
    layers = [f"/layers/sha256/{n:064x}" for n in range(60)]
    made = plan(layers, "/m", kind=OVERLAY)
    assert len(made.options) > ONE_PAGE
    assert made.by_descriptor


def test_a_copy_has_no_options() -> None:
    made = plan(["/a:b"], "/m", kind=COPY)
    assert made.options == ""
    assert not made.by_descriptor


def test_no_layers_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(BundleError, match="there is no layer to mount on /m"):
        plan([], "/m", kind=OVERLAY)
    with pytest.raises(BundleError, match="'aufs' is not a kind of mount"):
        plan(["/a"], "/m", kind="aufs")
