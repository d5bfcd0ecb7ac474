"""ELF headers and the libraries of a program, read without running anything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.build.libraries import Loader, read_cache
from ocinb.errors import DocumentError
from ocinb.linux.elf import is_elf, read

PROGRAM = Path(sys.executable).resolve()
DYNAMIC = [p for name in ("ls", "env", "sh", "mount") if (p := shutil.which(name))]


def test_this_interpreter_is_read():
    elf = read(PROGRAM)
    assert elf.machine[0] in (1, 2)
    assert Path(elf.interpreter).exists()
    assert any(name.startswith("libc.") for name in elf.needed)


@pytest.mark.skipif(not shutil.which("ldd"), reason="no ldd to compare with")
@pytest.mark.parametrize("program", DYNAMIC)
def test_the_libraries_are_those_that_ldd_finds(program):
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    named = set(re.findall(r"(/\S+) \(0x", done.stdout))
    if done.returncode or not named:
        pytest.skip("ldd does not know it as a dynamic program")
    ours = {str(library.path.resolve()) for library in Loader().closure(Path(program))}
    assert ours == {str(Path(path).resolve()) for path in named}


def test_what_is_no_elf_file(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert not is_elf(script)
    assert not is_elf(tmp_path / "missing")
    with pytest.raises(DocumentError, match="script is not a whole ELF file"):
        read(script)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_is_never_a_crash(tmp_path_factory, data):
    raw = bytearray(PROGRAM.read_bytes()[:4096])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(4, 1023))] = data.draw(st.integers(0, 255))
    broken = tmp_path_factory.mktemp("elf") / "broken"
    broken.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        read(broken)
    except DocumentError as error:
        assert str(broken) in error.message


@given(st.binary(max_size=300))
def test_a_damaged_cache_is_an_empty_one(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cache") / "ld.so.cache"
    path.write_bytes(b"glibc-ld.so.cache1.1" + data)
    assert isinstance(read_cache(path), dict)
