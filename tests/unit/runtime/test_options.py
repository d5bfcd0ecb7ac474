from __future__ import annotations

import pytest

from ocinb.errors import CommandError
from ocinb.runtime.options import Option, parse

OPTIONS = (
    Option(names=("--bundle", "-b"), value="DIR"),
    Option(names=("--force", "-f")),
    Option(names=("--env", "-e"), value="NAME=VALUE", many=True),
    Option(names=("--preserve-fds",), value="N"),
)


@pytest.mark.parametrize(
    "words", [["--bundle", "x"], ["--bundle=x"], ["-b", "x"], ["-bundle", "x"], ["-b=x"]]
)
def test_the_ways_to_give_a_value(words: list[str]) -> None:
    parsed, _ = parse([*words, "id"], OPTIONS, what="run")
    assert parsed.text("bundle") == "x"
    assert parsed.arguments == ["id"]


def test_options_may_follow_arguments() -> None:
    parsed, _ = parse(["id", "--force"], OPTIONS, what="delete")
    assert parsed.given("force")
    assert parsed.arguments == ["id"]


def test_a_switch_can_be_turned_off() -> None:
    assert not parse(["--force=false"], OPTIONS, what="delete")[0].given("force")
    assert not parse([], OPTIONS, what="delete")[0].given("force")


def test_the_rest_belongs_to_the_program() -> None:
    parsed, rest = parse(["-f", "id", "ls", "-b"], OPTIONS, what="exec", stop=True)
    assert rest == ["id", "ls", "-b"]
    assert parse(["--", "-f"], OPTIONS, what="exec", stop=True)[1] == ["-f"]
    assert parsed.given("force")


def test_an_option_given_several_times() -> None:
    parsed, _ = parse(["-e", "A=1", "--env=B=2"], OPTIONS, what="exec")
    assert parsed.texts("env") == ["A=1", "B=2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "run has no option --nope"),
        (["--bundle"], "option --bundle needs a value"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse(words, OPTIONS, what="run")


def test_a_number_that_is_none() -> None:
    parsed, _ = parse(["--preserve-fds", "many"], OPTIONS, what="run")
    with pytest.raises(CommandError, match="--preserve-fds takes a number, not 'many'"):
        parsed.number("preserve_fds", 0)
