"""Bundles that readers make for an exercise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.bundle.validate import examine, read_config
from ocinb.course.words import Words

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene


def read_bundle(scene: Scene, name: str) -> dict[str, Any] | Words:
    """The config.json of a bundle in the lesson's directory, or what is wrong with it.

    Raises:
        OcinbError: it cannot be read.
    """
    directory = scene.room / name
    place = f'lesson.directory / "{name}"'
    if not (directory / "config.json").exists():
        return Words(en=f"there is no bundle in {place} yet", zh=f"{place} 里还没有 bundle")
    config: dict[str, Any] = read_config(directory)
    for field, message in examine(directory, config):
        return Words(en=f"{field}: {message}", zh=f"{field}：{message}")
    return config
