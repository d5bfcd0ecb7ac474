"""A glance at a directory says what the whole stack would."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, example, given, settings

from ocinb.errors import LayerError
from ocinb.layer.glance import Glance
from ocinb.layer.index import LayerIndex
from ocinb.layer.stack import Stack
from ocinb.layer.unpack import unpack
from tests.support.archives import Member, archive, directory, member, symlink
from tests.support.changesets import LAYERS


def both(layers: list[list[Member]], work) -> tuple[Stack, Glance]:
    found: list[LayerIndex] = []
    lowers = []
    for number, members in enumerate(layers):
        target = work / str(number)
        done = unpack(io.BytesIO(archive(members)), target, lowers=lowers)
        assert done.index is not None
        found.append(done.index)
        lowers.append(target)
    return Stack(found), Glance(found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layers=LAYERS)
@example(layers=[[member("a/a")], [member("a/a"), member(".wh.a"), member("a"), directory("a")]])
@example(layers=[[member("a/b/c")], [member("a/b/c"), member(".wh.a"), member("a")]])
@example(layers=[[member("a/b/c")], [member("a/.wh..wh..opq")], [member("a/b/d")]])
@example(layers=[[member("a/b")], [member("a")], [member("a/c")]])
@example(layers=[[member("a-b/c"), member("a/c"), member("a.b")], [member("a/.wh.c")]])
def test_every_path_and_every_directory_are_those_of_the_stack(tmp_path_factory, layers):
    try:
        stack, glance = both(layers, tmp_path_factory.mktemp("glance"))
    except LayerError:
        return
    known = {path for index in stack.layers for path in index.paths} | {"nothing", "a/nothing/b"}
    for path in known:
        assert glance.find(path) == stack.shown.get(path), path
        assert sorted(glance.children(path)) == stack.children(path), path
    for name, place in glance.children("").items():
        assert stack.shown[name] == place


def test_links_are_followed_inside_the_image(tmp_path):
    layers = [[directory("usr"), member("usr/lib/x"), symlink("lib", "/usr/lib"),
               symlink("up", "../../lib"), symlink("loop", "loop")]]  # fmt: skip
    stack, glance = both(layers, tmp_path)
    for path in ("/lib", "/up/x", "usr/../lib", "/usr/./lib/"):
        assert glance.resolve(path) == stack.resolve(path)
    for path in ("/nothing", "/loop"):
        with pytest.raises(LayerError):
            glance.resolve(path)
