"""Frozen records behave as frozen, keyword-only dataclasses."""

from __future__ import annotations

import pytest

from ocinb.frozen import Frozen


class Point(Frozen):
    x: int
    y: int = 2


class Named(Point):
    name: str = "origin"


def test_fields_are_taken_by_keyword_and_defaults_fill_the_rest() -> None:
    assert dict(Point(x=1)) == {"x": 1, "y": 2}
    assert dict(Named(x=1)) == {"x": 1, "y": 2, "name": "origin"}


def test_equality_and_hash_go_by_type_and_value() -> None:
    assert Point(x=1) == Point(x=1, y=2)
    assert Point(x=1) != Named(x=1)
    assert len({Point(x=1), Point(x=1), Point(x=3)}) == 2


@pytest.mark.parametrize("values", [{}, {"y": 1}, {"x": 1, "z": 2}])
def test_missing_and_unknown_fields_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point: missing"):
        Point(**values)


def test_nothing_can_be_changed() -> None:
    point = Point(x=1)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be changed"):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"Point\.x cannot be deleted"):
        del point.x


def test_repr_can_be_read_back() -> None:
    assert eval(repr(Named(x=1))) == Named(x=1)
