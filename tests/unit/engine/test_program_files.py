"""What kind of program a file is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.engine.emulated.program_files import Program, read_program, static_programs


def kind_of(path: str | Path) -> Program:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_program(descriptor)
    finally:
        os.close(descriptor)


def test_a_dynamic_program_names_its_interpreter() -> None:
    found = kind_of("/bin/sh")
    assert found.kind == "dynamic"
    assert os.path.exists(found.interpreter)


@pytest.mark.parametrize(
    ("text", "interpreter", "argument"),
    [
        ("#!/bin/sh\necho", "/bin/sh", ""),
        ("#! /usr/bin/env python3 -u\n", "/usr/bin/env", "python3 -u"),
        ("#!/bin/sh", "/bin/sh", ""),
        ("#!\n", "", ""),
    ],
)
def test_a_script_names_its_interpreter_and_one_argument(
    tmp_path: Path, text: str, interpreter: str, argument: str
) -> None:
    (tmp_path / "script").write_text(text)
    expected = Program(kind="script", interpreter=interpreter, argument=argument)
    assert kind_of(tmp_path / "script") == expected


@pytest.mark.peer
def test_static_programs_are_found_and_libraries_and_texts_are_not(tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    assert busybox is not None, "busybox-static is installed in CI"
    (tmp_path / "bin").mkdir()
    shutil.copy(busybox, tmp_path / "bin/static")
    shutil.copy("/bin/sh", tmp_path / "bin/dynamic")
    shutil.copy(busybox, tmp_path / "bin/not-executable")
    (tmp_path / "bin/not-executable").chmod(0o644)
    (tmp_path / "bin/script").write_text("#!/bin/sh\n")
    (tmp_path / "bin/script").chmod(0o755)
    (tmp_path / "bin/link").symlink_to(busybox)
    assert list(static_programs(str(tmp_path))) == [f"{tmp_path}/bin/static"]


@given(st.binary(max_size=400))
def test_any_bytes_are_something(data: bytes) -> None:
    for head in (b"", b"\x7fELF\x02\x01", b"#!"):
        descriptor = os.memfd_create("any")
        try:
            os.write(descriptor, head + data)
            assert read_program(descriptor).kind in ("script", "dynamic", "static", "other")
        finally:
            os.close(descriptor)
