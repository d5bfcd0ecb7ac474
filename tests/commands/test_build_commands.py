"""The commands that make images, as a door calls them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.errors import BuildError, CommandError, InvalidReference, NameNotFound
from ocinb.image import Image
from ocinb.overlay.trees import remove_tree
from tests.support.door import Door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    (tmp_path / "context").mkdir()
    (tmp_path / "context/a").write_text("a\n")
    yield made
    remove_tree(str(tmp_path / "root"))


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return tmp_path / "context"


def dockerfile(context: Path, text: str) -> Path:
    path = context / "Dockerfile"
    path.write_text(text)
    return context


class TestBuild:
    def test_a_directory_with_a_dockerfile(self, door: Door, context: Path) -> None:
        image = door("build", "-t", "x", dockerfile(context, "FROM scratch\nCOPY a /\nENV A=1"))
        assert isinstance(image, Image)
        assert image.name == "docker.io/library/x:latest"
        steps = door.output().splitlines()
        assert steps[0] == "[0 1/3] FROM scratch"
        assert steps[1] == "[0 2/3] COPY a /"

    def test_it_has_all_the_names_and_labels_that_it_is_given(
        self, door: Door, context: Path
    ) -> None:
        dockerfile(context, "FROM scratch\nCOPY a /\nLABEL made=by-hand kept=yes")
        labels = ("--label", "made=for-all", "-l", "bare")
        image = door("build", "-t", "a", "-t", "localhost:5000/b:1", *labels, context)
        assert image.name == "docker.io/library/a:latest"
        assert "[0 4/4] LABEL made=for-all bare=" in door.output().splitlines()
        assert sorted(door("images", "--quiet")) == ["a", "localhost:5000/b:1"]
        for name in ("a", "localhost:5000/b:1"):
            found = door("inspect", name)["config"]["config"]["Labels"]
            assert found == {"made": "for-all", "kept": "yes", "bare": ""}

    def test_no_name_is_given_where_one_of_them_is_none(self, door: Door, context: Path) -> None:
        with pytest.raises(InvalidReference):
            door("build", "-t", "a", "-t", "B", dockerfile(context, "FROM scratch\nCOPY a /"))
        assert door("images", "--quiet") == []

    def test_the_cache_is_told(self, door: Door, context: Path) -> None:
        dockerfile(context, "FROM scratch\nCOPY a /")
        door("build", context)
        door.output()
        door("build", context)
        assert door.output().splitlines()[-1] == "  cached"
        door("build", "--no-cache", context)
        assert "cached" not in door.output()

    def test_gc_forgets_steps_whose_layers_it_takes(
        self, door: Door, context: Path, tmp_path: Path
    ) -> None:
        dockerfile(context, "FROM scratch\nENV A=1\nCOPY a /")
        door("build", "-t", "x", context)
        door("build", "-t", "y", "--build-arg", "B=1", dockerfile(context, "FROM x\nCOPY a /b"))
        cache = door.session.settings.root / "build-cache"
        left_by_a_crash = next(cache.glob("*.json")).with_suffix(".json.1-1.new")
        left_by_a_crash.write_text("{")
        assert [row[0] for row in door("gc").rows] == [], "it is younger than the grace"
        door("rmi", "y")
        planned = door("gc", "--dry-run", "--grace", 0)
        assert planned.column("what").count("build step") == 2
        assert left_by_a_crash.name in planned.column("name")
        assert sorted(door("gc", "--grace", 0).rows) == sorted(planned.rows)
        assert not left_by_a_crash.exists()
        assert len(door("gc", "--grace", 0)) == 0
        door.output()
        door("build", "-t", "x", dockerfile(context, "FROM scratch\nENV A=1\nCOPY a /"))
        assert "cached" in door.output(), "what the image that is left has is remembered"

    def test_the_cell_is_the_dockerfile(self, door: Door, context: Path) -> None:
        image = door("build", "-t", "x", context, script="FROM scratch\nCOPY a /b\n")
        assert door("files", "x").column("path") == ["/", "/b"]
        assert image.name.endswith("/x:latest")

    def test_arguments_and_target(self, door: Door, context: Path) -> None:
        text = "FROM scratch AS one\nARG V\nLABEL v=$V\nFROM scratch\nCOPY missing /"
        image = door("build", "--target", "one", "--build-arg", "V=7", "-t", "x",
                     dockerfile(context, text))  # fmt: skip
        assert image.config["config"]["Labels"] == {"v": "7"}

    def test_without_a_name_it_is_the_digest(self, door: Door, context: Path) -> None:
        (digest,) = door("build", dockerfile(context, "FROM scratch\nCOPY a /"))
        assert digest.startswith("sha256:")

    def test_errors(self, door: Door, context: Path) -> None:
        with pytest.raises(CommandError, match="needs the directory"):
            door("build")
        with pytest.raises(CommandError, match="is not a directory"):
            door("build", context / "none")
        with pytest.raises(BuildError, match="has no Dockerfile"):
            door("build", context)
        dockerfile(context, "FROM scratch\nRNU x")
        with pytest.raises(BuildError, match="Dockerfile:2: RNU is not an instruction") as raised:
            door("build", context)
        assert raised.value.hint == "did you mean RUN?"

    def test_what_failed_has_no_name(self, door: Door, context: Path) -> None:
        with pytest.raises(BuildError):
            door("build", "-t", "x", dockerfile(context, "FROM scratch\nCOPY a /\nCOPY no /"))
        with pytest.raises(NameNotFound):
            door("inspect", "x")


class TestChanges:
    @pytest.fixture
    def image(self, door: Door, context: Path) -> str:
        door("build", "-t", "x", dockerfile(context, "FROM scratch\nCOPY a /a\nCOPY a /b"))
        return "x"

    def test_squash(self, door: Door, image: str) -> None:
        assert len(door("squash", image, "-t", "y").local.manifest.layers) == 1
        assert len(door("layers", image)) == 2

    def test_append(self, door: Door, image: str, context: Path) -> None:
        made = door("append", "-b", image, "-f", context, "-t", "y")
        assert len(made.local.manifest.layers) == 3

    def test_config(self, door: Door, image: str) -> None:
        made = door("config", image, "-e", "A=1", "-l", "l=m", "--cmd", "sh -c 'a b'",
                    "--user", "7", "-p", "80", "--workingdir", "/w", "--author", "me")  # fmt: skip
        assert made.config["config"] | {"Env": []} == {
            "Env": [],
            "Labels": {"l": "m"},
            "Cmd": ["sh", "-c", "a b"],
            "User": "7",
            "ExposedPorts": {"80/tcp": {}},
            "WorkingDir": "/w",
        }
        assert made.config["author"] == "me"
        again = door("config", image, "-e", "A-", "-l", "l-", "--cmd", '["/x"]')
        assert not any(entry.startswith("A=") for entry in again.config["config"]["Env"])
        assert again.config["config"]["Cmd"] == ["/x"]
        with pytest.raises(CommandError, match="was not told what to change"):
            door("config", image)

    def test_annotate(self, door: Door, image: str) -> None:
        door("annotate", image, "a=b", "c=d")
        door("annotate", image, "--remove", "a")
        assert door("manifest", image)["annotations"] == {"c": "d"}
        with pytest.raises(CommandError, match="is not NAME=VALUE"):
            door("annotate", image, "nothing")

    def test_rebase(self, door: Door, image: str, context: Path) -> None:
        door("build", "-t", "new", dockerfile(context, "FROM scratch\nCOPY a /new"))
        door("build", "-t", "own", dockerfile(context, f"FROM {image}\nCOPY a /own"))
        door("rebase", "own", "--new-base", "new", "-t", "moved")
        assert door("files", "moved").column("path") == ["/", "/new", "/own"]


@pytest.mark.root
def test_commit(door: Door) -> None:
    store = door.session.engine.store
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    door("run", "--name", "c", "demo", "sh", "-c", "echo x > /made")
    image = door("commit", "-c", "CMD cat /made", "-m", "why", "c", "mine")
    door("delete", "c")
    door.output()
    door("run", "--rm", image.name)
    assert door.output() == "x\n"
    assert os.path.basename(image.name) == "mine:latest"
