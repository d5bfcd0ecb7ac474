"""Variables, quotes and escapes in a Dockerfile's words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.build.expand import expand, words
from ocinb.errors import BuildError

KNOWN = {"A": "one", "EMPTY": "", "B_2": "two words"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$A", "one"),
        ("${A}s $As", "ones "),
        ("$B_2", "two words"),
        ("$NO-${NO}", "-"),
        ("${NO:-default}", "default"),
        ("${EMPTY:-default} ${EMPTY-default}", "default "),
        ("${A:+yes} ${NO:+yes} ${EMPTY:+yes} ${EMPTY+yes}", "yes   yes"),
        ("${NO:-${A}/x}", "one/x"),
        ("${NO:-a b}", "a b"),
        (r"\$A \${A}", "$A ${A}"),
        ("'$A'", "$A"),
        ('"$A" "a\\"b" "\\x"', 'one a"b \\x'),
        (r"a\ b", "a b"),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("100%", "100%"),
    ],
)
def test_expansion(text: str, result: str) -> None:
    assert expand(text, KNOWN.get) == result


def test_the_text_of_a_heredoc_keeps_its_quotes() -> None:
    assert expand("'$A' \"x\" \\n \\$A", KNOWN.get, quotes=False) == "'one' \"x\" \\n $A"


def test_another_escape_character() -> None:
    assert expand("C:\\dir `$A $A", KNOWN.get, "`") == "C:\\dir $A one"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${A", "without a name or an end"),
        ("${}", "without a name or an end"),
        ("${A:-x", "has a } missing"),
        ("${A%x}", "a modifier that is not supported"),
        ("'a", "single quote that is not closed"),
        ('"a', "double quote that is not closed"),
        ("${NO:?say why}", "NO must be set: say why"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        expand(text, KNOWN.get)


def test_words_keep_quotes_and_escapes() -> None:
    assert words("a=1 b='x y' c=\"p q\"r d\\ e") == ["a=1", "b='x y'", 'c="p q"r', "d\\ e"]


@settings(deadline=None)
@given(st.text(alphabet="aA$\\{}:-+?'\"` \n<", max_size=30))
def test_any_text_is_expanded_or_one_error(text: str) -> None:
    for word in [text, *words(text)]:
        try:
            assert isinstance(expand(word, KNOWN.get), str)
        except BuildError as error:
            assert error.message
