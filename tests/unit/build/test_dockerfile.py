"""Reading a Dockerfile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.build.dockerfile import INSTRUCTIONS, parse
from ocinb.errors import BuildError


def read(text: str) -> list[tuple[str, str, int]]:
    return [(found.name, found.arguments, found.line) for found in parse(text)]


def test_names_are_of_any_case_and_lines_are_counted() -> None:
    text = "# comment\n\nfrom demo\n  run  echo hi \n"
    assert read(text) == [("FROM", "demo", 3), ("RUN", "echo hi", 4)]


def test_lines_are_continued_over_comments_and_empty_lines() -> None:
    text = "RUN one \\\n  # not part of it\n\n  two \\  \n three\nUSER x"
    assert read(text) == [("RUN", "one   two  three", 1), ("USER", "x", 6)]


def test_the_escape_directive_stands_above_all() -> None:
    assert read("# escape=`\nRUN one `\n two\\\n")[0][1] == "one  two\\"
    assert read("# comment\n# escape=`\nRUN one \\\n two")[0][1] == "one  two"
    assert read("# syntax=x\n# escape=`\nRUN a`\nb")[0][1] == "ab"


def test_flags_stand_before_the_arguments() -> None:
    (copy,) = parse("COPY --from=a --link x --chown=b y")
    assert copy.flags == (("from", "a"), ("link", ""))
    assert copy.words == ["x", "--chown=b", "y"]


def test_exec_form_is_a_json_array_of_texts_and_nothing_else() -> None:
    assert parse('CMD ["a", "b c"]')[0].json == ["a", "b c"]
    assert parse("CMD []")[0].json == []
    for text in ("CMD ['a']", 'CMD ["a"', "CMD [1]", "CMD a", f"CMD {'[' * 100_000}"):
        assert parse(text)[0].json is None


def test_heredocs() -> None:
    text = 'RUN cat <<A <<-"B" > x\none\nA\n\t\ttwo\n\tB\nUSER u\n'
    run, user = parse(text)
    assert [(h.name, h.text, h.expand) for h in run.heredocs] == [
        ("A", "one\n", True),
        ("B", "two\n", False),
    ]
    assert (user.name, user.line) == ("USER", 6)


def test_no_heredoc_where_none_is_meant() -> None:
    run, env = parse("RUN echo $((1<<2)) '<<EOF'\nENV A=<<EOF\n")
    assert run.heredocs == ()
    assert env.heredocs == ()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("FROM x\nCOYP a b", "Dockerfile:2: COYP is not an instruction", "did you mean COPY?"),
        ("FROM x\n\nRUN", "Dockerfile:3: RUN: it needs at least one argument", None),
        ("RUN <<EOF\nno end", "Dockerfile:1: the heredoc <<EOF has no end", "a line EOF ends it"),
        ("# escape=x\nFROM y", "Dockerfile:1: 'x' cannot be the escape character", "it is \\ or `"),
        ("# escape=`\n# escape=`\n", "Dockerfile:2: a second escape directive", None),
    ],
)
def test_errors_name_file_and_line(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(BuildError) as raised:
        parse(text)
    assert raised.value.message == message
    assert raised.value.hint == hint


WORDS = st.sampled_from([*INSTRUCTIONS, "<<EOF", "EOF", "\\", "`", "'", '"', "$", "${A", "[", "#",
                         "\n", " ", "--x", "# escape=`", "\t", "\0", "é", "\r\n"])  # fmt: skip


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(WORDS).map("".join), st.lists(WORDS).map(" ".join)))
def test_any_text_is_instructions_or_one_error(text: str) -> None:
    try:
        for instruction in parse(text):
            assert instruction.name in INSTRUCTIONS
            assert isinstance(instruction.text, str)
            assert isinstance(instruction.words, list)
            _ = instruction.json
    except BuildError as error:
        assert error.message.startswith("Dockerfile:")
