"""JSON without the json package: the same values, the same errors."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocinb import plain_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_a_value_survives_and_reads_as_json_has_it(value: Any) -> None:
    assert plain_json.dumps(value) == json.dumps(value)
    assert plain_json.pretty(value) == json.dumps(value, indent=2)
    assert plain_json.pretty(value, "\t") == json.dumps(value, indent="\t")
    for text in (json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False)):
        assert plain_json.loads(f" \n{text}\t\r\n") == value


WRONG = ("", " ", "{", "[1,]", '{"a":1,}', "1 2", "\ufeff1", '"\n"', "nul", "[" * 10, '{"a" 1}',
         "NaN", "-Infinity", "01")  # fmt: skip


@given(st.text() | st.sampled_from(WRONG))
def test_what_is_no_json_is_the_same_error(text: str) -> None:
    try:
        expected = repr(json.loads(text))
    except json.JSONDecodeError as error:
        with pytest.raises(json.JSONDecodeError) as caught:
            plain_json.loads(text)
        assert str(caught.value) == str(error)
    else:
        assert repr(plain_json.loads(text)) == expected


def test_bytes_are_utf_8() -> None:
    assert plain_json.loads('"é"'.encode()) == "é"
    with pytest.raises(UnicodeDecodeError):
        plain_json.loads(b'"\xff"')


def test_too_deep() -> None:
    with pytest.raises(RecursionError):
        plain_json.loads("[" * 200_000)


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="bytes is no JSON"):
        plain_json.dumps({"a": b""})


@pytest.mark.parametrize("text", ["{", "", "[1,]"])
def test_the_error_is_there_although_json_was_not(text: str) -> None:
    package = json.dumps(str(plain_json.__file__).rsplit("/", 2)[0])
    script = f"import sys; sys.path.insert(0, {package}); from ocinb.plain_json import loads\n"
    script += f"try: loads({text!r})\nexcept ValueError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    assert done.stdout == f"{caught.value}\n"


def test_neither_json_nor_re_is_imported() -> None:
    package = json.dumps(str(plain_json.__file__).rsplit("/", 2)[0])
    script = (
        f"import sys; sys.path.insert(0, {package}); from ocinb import plain_json as p; "
        "p.loads(p.pretty(p.loads(p.dumps([1, {}]))));"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"json", "re", "enum", "functools"} & set(done.stdout.split())
