"""Dockerfiles carried out; what RUN does is tested where containers can run."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from ocinb.build.draft import Draft, Written
from ocinb.errors import BuildError, NameNotFound, OcinbError, UnsupportedHost
from ocinb.events import StepBuilt, Warned
from ocinb.spec.platform import Platform
from tests.support.kitchen import Kitchen

PASSWD = "root:x:0:0:::\napp:x:12:34:::\n"


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    made = Kitchen(tmp_path)
    for name in ("a", "b", "d/one", "d/two"):
        path = made.context / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return made


def owners(kitchen: Kitchen, image: Written) -> dict[str, tuple[int, int]]:
    """Path → owner, as the uppermost layer's archive says; nobody need be the superuser."""
    kitchen.tree(image)
    index = kitchen.work.layers.index(image.config.chain_ids[-1])
    return {row.path: (row.uid, row.gid) for row in map(index.row, range(len(index)))}


class TestArguments:
    def test_those_above_from_are_for_from(self, kitchen: Kitchen) -> None:
        kitchen.name(kitchen.build("FROM scratch\nLABEL base=yes"), "base:1")
        image = kitchen.build("ARG TAG=1\nFROM base:${TAG}\nLABEL tag=x$TAG")
        assert kitchen.config(image)["config"]["Labels"] == {"base": "yes", "tag": "x"}

    def test_a_stage_takes_them_over_by_name(self, kitchen: Kitchen) -> None:
        image = kitchen.build("ARG V=1\nFROM scratch\nARG V\nLABEL v=$V")
        assert kitchen.config(image)["config"]["Labels"] == {"v": "1"}

    def test_the_caller_has_the_last_word(self, kitchen: Kitchen) -> None:
        text = "ARG V=1\nFROM scratch\nARG V=2\nARG W=3\nLABEL v=$V w=$W"
        image = kitchen.build(text, arguments={"V": "9"})
        assert kitchen.config(image)["config"]["Labels"] == {"v": "9", "w": "3"}

    def test_the_environment_wins(self, kitchen: Kitchen) -> None:
        image = kitchen.build("FROM scratch\nENV V=env\nARG V=arg\nLABEL v=$V\nRUN x")
        assert kitchen.config(image)["config"]["Labels"] == {"v": "env"}
        assert "V=arg" not in kitchen.commands[0].env

    def test_they_end_with_their_stage(self, kitchen: Kitchen) -> None:
        image = kitchen.build("FROM scratch AS one\nARG V=1\nFROM one\nLABEL v=x$V")
        assert kitchen.config(image)["config"]["Labels"] == {"v": "x"}

    def test_commands_see_them(self, kitchen: Kitchen) -> None:
        kitchen.build("FROM scratch\nARG V=1\nARG NONE\nRUN x")
        assert kitchen.commands[0].env == ["V=1"]

    def test_proxies_reach_commands_and_nothing_else(self, kitchen: Kitchen) -> None:
        arguments = {"http_proxy": "http://p"}
        image = kitchen.build("FROM scratch\nRUN x", arguments=arguments)
        assert kitchen.commands[0].env == ["http_proxy=http://p"]
        assert b"http_proxy" not in kitchen.store.read(image.manifest.config)

    def test_the_platform_is_told(self, kitchen: Kitchen) -> None:
        platform = Platform.parse("linux/arm64/v8")
        text = "FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH"
        image = kitchen.build(text, platform=platform)
        assert kitchen.config(image)["config"]["Labels"] == {"a": "arm64"}
        assert image.config.architecture == "arm64"

    def test_one_that_nobody_declares_is_told(self, kitchen: Kitchen) -> None:
        kitchen.build("FROM scratch", arguments={"TYPO": "1"})
        (said,) = kitchen.recorder.of(Warned)
        assert said.message.startswith("no ARG declares TYPO")


class TestStages:
    TEXT = "FROM scratch AS one\nCOPY a /1\nFROM scratch AS Two\nCOPY b /2\n" \
           "FROM scratch\nCOPY --from=one /1 /got\nCOPY --from=two / /all/\n"  # fmt: skip

    def test_files_come_from_other_stages(self, kitchen: Kitchen) -> None:
        assert kitchen.paths(kitchen.build(self.TEXT)) == ["all/", "all/2", "got"]

    def test_a_target_is_a_name_or_a_number(self, kitchen: Kitchen) -> None:
        assert kitchen.paths(kitchen.build(self.TEXT, target="TWO")) == ["2"]
        assert kitchen.paths(kitchen.build(self.TEXT, target="0")) == ["1"]

    def test_what_the_target_does_not_need_is_not_built(self, kitchen: Kitchen) -> None:
        kitchen.build("FROM unreachable\nFROM scratch AS wanted\nLABEL a=b", target="wanted")

    def test_a_base_that_is_nowhere(self, kitchen: Kitchen) -> None:
        with pytest.raises(NameNotFound, match=r"^Dockerfile:2: FROM: no image named"):
            kitchen.build("# x\nFROM unreachable")


class TestCopying:
    def test_a_slash_at_the_end_makes_a_directory(self, kitchen: Kitchen) -> None:
        image = kitchen.build("FROM scratch\nCOPY a /x\nCOPY a /y/\nCOPY d /z\nCOPY a /z")
        assert kitchen.paths(image) == ["x", "y/", "y/a", "z/", "z/a", "z/one", "z/two"]

    def test_the_working_directory_counts(self, kitchen: Kitchen) -> None:
        image = kitchen.build("FROM scratch\nWORKDIR /w\nCOPY a b ./\nCOPY a sub/c")
        assert kitchen.paths(image) == ["w/", "w/a", "w/b", "w/sub/", "w/sub/c"]

    def test_files_of_this_machine_cannot_be_reached(self, kitchen: Kitchen) -> None:
        (kitchen.context / "link").symlink_to("/etc/hostname")
        for source in ("../../../etc/hostname", "/etc/hostname", "link"):
            with pytest.raises(BuildError, match="nothing in the context"):
                kitchen.build(f"FROM scratch\nCOPY {source} /x")

    def test_an_image_cannot_lead_files_out_of_it(self, kitchen: Kitchen) -> None:
        (kitchen.context / "evil").mkdir()
        (kitchen.context / "evil/out").symlink_to("../../../../tmp")
        image = kitchen.build("FROM scratch\nCOPY evil /\nCOPY a /out/x")
        assert kitchen.paths(image) == ["out", "tmp/", "tmp/x"]

    def test_owners_are_names_of_the_image(self, kitchen: Kitchen) -> None:
        (kitchen.context / "passwd").write_text(PASSWD)
        base = "FROM scratch\nCOPY passwd /etc/\n"
        for owner, expected in {"app": (12, 34), "5": (5, 5), "app:7": (12, 7)}.items():
            image = kitchen.build(f"{base}COPY --chown={owner} a /a")
            assert owners(kitchen, image)["a"] == expected
        with pytest.raises(OcinbError, match=r"^Dockerfile:3: COPY: user 'who' is not in"):
            kitchen.build(f"{base}COPY --chown=who a /a")

    def test_text_of_the_dockerfile_itself(self, kitchen: Kitchen) -> None:
        text = "FROM scratch\nENV A=1\nCOPY <<one <<'two' /t/\n$A\none\n$A\ntwo\n"
        tree = kitchen.tree(kitchen.build(text))
        assert (tree.read("t/one", 99), tree.read("t/two", 99)) == (b"1\n", b"$A\n")

    def test_a_file_does_not_replace_a_directory(self, kitchen: Kitchen) -> None:
        (kitchen.context / "e").mkdir()
        (kitchen.context / "e/a").mkdir()
        with pytest.raises(BuildError, match="/x/a is a file in the image"):
            kitchen.build("FROM scratch\nCOPY a /x/\nCOPY e /x/")
        with pytest.raises(BuildError, match="/x/a is a directory in the image"):
            kitchen.build("FROM scratch\nCOPY e /x/\nCOPY a /x/")

    def test_names_that_share_a_file_still_do(self, kitchen: Kitchen) -> None:
        os.link(kitchen.context / "d/one", kitchen.context / "d/again")
        tree = kitchen.tree(kitchen.build("FROM scratch\nCOPY d /"))
        again, one = tree.find("again"), tree.find("one")
        assert again is not None and one is not None
        assert again.status.st_ino == one.status.st_ino

    def test_times_are_those_of_the_files(self, kitchen: Kitchen) -> None:
        os.utime(kitchen.context / "a", ns=(5, 1_234_567_890_123_456_789))
        node = kitchen.tree(kitchen.build("FROM scratch\nCOPY a /")).find("a")
        assert node is not None
        assert node.status.st_mtime_ns == 1_234_567_890_123_456_789


class TestAdding:
    def _archive(self, kitchen: Kitchen, *names: str, mode: str = "w:gz") -> None:
        with tarfile.open(kitchen.context / "x.tar", mode) as archive:
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size, entry.uid = 1, 77
                archive.addfile(entry, io.BytesIO(b"x"))

    @pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
    def test_an_archive_is_unpacked(self, kitchen: Kitchen, mode: str) -> None:
        self._archive(kitchen, "p/q", mode=mode)
        image = kitchen.build("FROM scratch\nADD x.tar a /in/")
        assert kitchen.paths(image) == ["in/", "in/a", "in/p/", "in/p/q"]
        found = owners(kitchen, image)
        assert (found["in/p/q"], found["in/p"], found["in/a"]) == ((77, 0), (0, 0), (0, 0))

    def test_copy_does_not_unpack(self, kitchen: Kitchen) -> None:
        self._archive(kitchen, "p/q")
        assert kitchen.paths(kitchen.build("FROM scratch\nCOPY x.tar /")) == ["x.tar"]

    def test_what_only_begins_like_an_archive_is_a_file(self, kitchen: Kitchen) -> None:
        for start in (b"\x1f\x8b nothing", b"BZh nothing", b"\xfd7zXZ\0 nothing", b"0" * 600):
            (kitchen.context / "x.tar").write_bytes(start)
            assert kitchen.paths(kitchen.build("FROM scratch\nADD x.tar /")) == ["x.tar"]

    @pytest.mark.parametrize("name", ["../../out", "/../out", "p/../../../out"])
    def test_an_archive_that_wants_out_is_refused(self, kitchen: Kitchen, name: str) -> None:
        self._archive(kitchen, name)
        with pytest.raises(OcinbError, match=r"^Dockerfile:2: ADD: archive x.tar"):
            kitchen.build("FROM scratch\nADD x.tar /")

    def test_a_damaged_archive_is_one_error(self, kitchen: Kitchen) -> None:
        self._archive(kitchen, *"abc")
        data = (kitchen.context / "x.tar").read_bytes()
        (kitchen.context / "x.tar").write_bytes(data[:-20])
        with pytest.raises(OcinbError, match=r"^Dockerfile:2: ADD: archive x.tar"):
            kitchen.build("FROM scratch\nADD x.tar /")

    def test_nothing_is_fetched(self, kitchen: Kitchen) -> None:
        for source in ("https://example.com/x", "git@github.com:a/b", "HTTP://x/y"):
            with pytest.raises(BuildError, match="is on another machine"):
                kitchen.build(f"FROM scratch\nADD {source} /x")


class TestCache:
    def _cached(self, kitchen: Kitchen) -> list[bool]:
        built = list(kitchen.recorder.of(StepBuilt))
        kitchen.recorder.events.clear()
        return [event.cached for event in built]

    TEXT = "FROM scratch\nENV A=1\nCOPY d /d\nRUN x\nLABEL l=m"

    def test_the_same_again_is_the_same_image(self, kitchen: Kitchen) -> None:
        first = kitchen.build(self.TEXT)
        assert self._cached(kitchen) == [False] * 5
        assert kitchen.build(self.TEXT).descriptor == first.descriptor
        assert self._cached(kitchen) == [False, True, True, True, True]
        assert len(kitchen.commands) == 1

    def test_another_content_counts_and_another_time_does_not(self, kitchen: Kitchen) -> None:
        kitchen.build(self.TEXT)
        os.utime(kitchen.context / "d/one", (1, 1))
        self._cached(kitchen)
        kitchen.build(self.TEXT)
        assert self._cached(kitchen)[1:] == [True] * 4
        (kitchen.context / "d/one").write_text("other")
        kitchen.build(self.TEXT)
        assert self._cached(kitchen)[1:] == [True, False, False, False]

    def test_an_argument_counts_where_a_command_could_see_it(self, kitchen: Kitchen) -> None:
        text = "FROM scratch\nLABEL a=b\nARG V\nRUN x"
        kitchen.build(text, arguments={"V": "1"})
        self._cached(kitchen)
        kitchen.build(text, arguments={"V": "2"})
        assert self._cached(kitchen)[1:] == [True, False, False]

    def test_a_layer_that_was_collected_is_made_again(self, kitchen: Kitchen) -> None:
        image = kitchen.build(self.TEXT)
        kitchen.store.delete(image.manifest.layers[0].digest)
        self._cached(kitchen)
        kitchen.build(self.TEXT)
        assert self._cached(kitchen)[1:3] == [True, False]

    def test_not_asked_for(self, kitchen: Kitchen) -> None:
        kitchen.build(self.TEXT)
        kitchen.build(self.TEXT, use_cache=False)
        assert len(kitchen.commands) == 2


class TestTriggers:
    def test_they_are_kept_for_builds_from_the_image(self, kitchen: Kitchen) -> None:
        base = kitchen.build("FROM scratch\nONBUILD COPY a /from-trigger\nONBUILD LABEL t=1")
        assert kitchen.config(base)["config"]["OnBuild"] == ["COPY a /from-trigger", "LABEL t=1"]
        kitchen.name(base, "base")
        image = kitchen.build("FROM base\nENV X=1")
        assert kitchen.paths(image) == ["from-trigger"]
        assert "OnBuild" not in kitchen.config(image)["config"]


class TestCommands:
    def test_shell_and_exec_form(self, kitchen: Kitchen) -> None:
        kitchen.build('FROM scratch\nRUN a && b\nRUN ["c"]\nSHELL ["/s", "-x"]\nRUN d')
        assert [c.args for c in kitchen.commands] == [["/bin/sh", "-c", "a && b"], ["c"],
                                                       ["/s", "-x", "d"]]  # fmt: skip

    def test_a_heredoc_is_the_script_or_the_shell_reads_it(self, kitchen: Kitchen) -> None:
        kitchen.build("FROM scratch\nRUN <<E\none\ntwo\nE\nRUN cat <<E >x\n$a\nE\n")
        assert kitchen.commands[0].args == ["/bin/sh", "-c", "one\ntwo\n"]
        assert kitchen.commands[1].args == ["/bin/sh", "-c", "cat <<E >x\n$a\nE\n"]

    def test_a_script_with_an_interpreter_is_run_by_it(self, kitchen: Kitchen) -> None:
        kitchen.build("FROM scratch\nRUN <<E\n#!/usr/bin/env python3\nprint(1)\nE\n")
        (command,) = kitchen.commands
        (mount,) = command.mounts
        assert command.args == [mount["destination"]]

    def test_the_network_is_asked_for(self, kitchen: Kitchen) -> None:
        kitchen.build("FROM scratch\nRUN a\nRUN --network=host b\nRUN --network=none c")
        assert [c.network for c in kitchen.commands] == ["none", "host", "none"]

    def test_one_that_fails_leaves_what_was_before(self, kitchen: Kitchen) -> None:
        with pytest.raises(BuildError, match=r"^Dockerfile:2: RUN: .*ended with status 7"):
            kitchen.build('FROM scratch\nRUN ["fail"]')
        with pytest.raises(UnsupportedHost, match=r"^Dockerfile:2: RUN: no containers here"):
            kitchen.build('FROM scratch\nRUN ["refused"]')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RUN x", "Dockerfile:1: RUN: a Dockerfile begins with FROM"),
        ("", "Dockerfile has no FROM"),
        ("FROM a b", "Dockerfile:1: FROM: it takes an image"),
        ("FROM scratch AS 1x", "Dockerfile:1: FROM: '1x' is not a name for a stage"),
        ("FROM $NO", "Dockerfile:1: FROM: $NO is empty"),
        ("FROM --x=1 scratch", "Dockerfile:1: FROM: there is no --x"),
        ("FROM scratch\nRUN --mount=type=cache,target=/x y", "Dockerfile:2: RUN: --mount is not"),
        ("FROM scratch\nRUN --netwrk=none y", "Dockerfile:2: RUN: there is no --netwrk"),
        ("FROM scratch\nCOPY a", "Dockerfile:2: COPY: it needs a source and a destination"),
        ("FROM scratch\nCOPY a b /x", "Dockerfile:2: COPY: /x is to take 2 files"),
        ("FROM scratch\nCOPY nothing /x", "Dockerfile:2: COPY: nothing in the context is called"),
        ("FROM scratch\nCOPY --chmod=rw a /", "Dockerfile:2: COPY: --chmod=rw is not octal"),
        ("FROM scratch\nCOPY --from=3 a /", "Dockerfile:2: COPY: there is no stage 3 above"),
        ("FROM scratch\nCOPY [z /x", "Dockerfile:2: COPY: '[z' is not a pattern"),
        ("FROM scratch\nENV A", "Dockerfile:2: ENV: A has no value"),
        ("FROM scratch\nENV A=1 B", "Dockerfile:2: ENV: B has no ="),
        ("FROM scratch\nENV A='x", "Dockerfile:2: ENV: \"'x\" has a single quote"),
        ("FROM scratch\nEXPOSE 99999", "Dockerfile:2: EXPOSE: '99999' is not a port"),
        ("FROM scratch\nSTOPSIGNAL a b", "Dockerfile:2: STOPSIGNAL: 'a b' is not a signal"),
        ("FROM scratch\nSHELL sh", "Dockerfile:2: SHELL: a shell is given in exec form"),
        ("FROM scratch\nONBUILD FROM x", "Dockerfile:2: ONBUILD: FROM cannot be a trigger"),
        ("FROM scratch\nHEALTHCHECK --interval=x CMD y", "Dockerfile:2: HEALTHCHECK: 'x' is not"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_instruction(kitchen: Kitchen, text: str, message: str) -> None:
    with pytest.raises(BuildError) as raised:
        kitchen.build(text)
    assert raised.value.message.startswith(message)


def test_an_unknown_target_suggests_the_nearest(kitchen: Kitchen) -> None:
    with pytest.raises(BuildError, match="has no stage buidl") as raised:
        kitchen.build("FROM scratch AS build", target="buidl")
    assert raised.value.hint == "did you mean build?"


def test_health_checks_and_shells_are_kept_in_dockers_fields(kitchen: Kitchen) -> None:
    text = 'FROM scratch\nHEALTHCHECK --interval=1m30s --retries=3 CMD ["x"]\nSHELL ["/s"]'
    config = kitchen.config(kitchen.build(text))["config"]
    assert config["Healthcheck"] == {"Test": ["CMD", "x"], "Interval": 90 * 10**9, "Retries": 3}
    assert config["Shell"] == ["/s"]


def test_what_the_base_says_and_we_do_not_know_stays(kitchen: Kitchen) -> None:
    base = kitchen.build("FROM scratch\nCOPY a /")
    draft = Draft.load(kitchen.store, base.descriptor)
    draft.config["com.example"] = {"x": [1]}
    draft.execution["Strange"] = True
    kitchen.name(draft.write(kitchen.store), "strange")
    config = kitchen.config(kitchen.build("FROM strange\nENV A=1"))
    assert config["com.example"] == {"x": [1]}
    assert config["config"]["Strange"] is True
