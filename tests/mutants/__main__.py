"""``make mutants``: the tests of what must be right are run against wrong versions of it.

    python -m tests.mutants [--only SUBJECT]… [--list]

Each mutant is a module with one small change, tried in a process that is forked with everything
else imported. One that no test notices survives: either a test is missing, or the change means
nothing; those of the second kind are known in ``survivors.txt``, with the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import time
import types
from pathlib import Path

import pytest

from tests.mutants.mutations import Mutant, mutants

ROOT = Path(__file__).parents[2]
KNOWN = Path(__file__).with_name("survivors.txt")
LONGEST = 120
"""Seconds for the tests of a mutant: one that takes longer hangs, which is noticed."""

_UNIT = "tests/unit/"
SUBJECTS: dict[str, tuple[str, list[str]]] = {
    "reference": ("ocinb/spec/reference.py", ["spec/test_reference.py"]),
    "digest": ("ocinb/spec/digest.py", ["spec/test_digest.py"]),
    "whiteout": (
        "ocinb/layer/whiteout.py",
        ["layer/test_unpack.py", "layer/test_whiteout.py", "layer/test_pack.py",
         "layer/test_hostile.py"],
    ),
    "challenge": ("ocinb/distribution/challenge.py", ["distribution/test_auth.py"]),
    "auth": ("ocinb/distribution/auth.py", ["distribution/test_auth.py"]),
    "access": ("ocinb/registry/access.py", ["registry/test_access.py"]),
    "tokens": ("ocinb/registry/tokens.py", ["registry/test_tokens.py", "registry/test_access.py"]),
    "passwords": ("ocinb/registry/passwords.py", ["registry/test_access.py"]),
    "lifecycle": (
        "ocinb/spec/lifecycle.py",
        ["spec/test_lifecycle.py", "runtime/test_container_state.py", "runtime/test_plan.py"],
    ),
    "state": ("ocinb/runtime/container_state.py", ["runtime/test_container_state.py"]),
}  # fmt: skip
"""Subject → module, and its tests beneath ``tests/unit``."""


def main() -> int:
    """Try the mutants; 1 where one survives that is not known."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", action="append", choices=SUBJECTS, metavar="SUBJECT")
    parser.add_argument("--list", action="store_true", help="only name the mutants")
    chosen = parser.parse_args()
    known = set(filter(None, (line.rpartition("  # ")[0] for line in _lines())))
    unknown = 0
    for subject in chosen.only or SUBJECTS:
        file, tests = SUBJECTS[subject]
        found = list(mutants((ROOT / file).read_text()))
        if chosen.list:
            print("\n".join(_named(file, mutant) for mutant in found))
            continue
        _import_what_tests_need(tests)
        assert not _noticed(file, None, tests), f"the tests of {subject} fail without a mutant"
        start, lived = time.monotonic(), []
        for mutant in found:
            if not _noticed(file, mutant, tests):
                lived.append(_named(file, mutant))
                print(("known: " if lived[-1] in known else "SURVIVED: ") + lived[-1], flush=True)
        new = [name for name in lived if name not in known]
        unknown += len(new)
        print(f"## {subject}: {len(found)} mutants, {len(lived)} survived, {len(new)} of them "
              f"unknown, {time.monotonic() - start:.0f} s", flush=True)  # fmt: skip
    return int(unknown > 0)


def _lines() -> list[str]:
    return KNOWN.read_text().splitlines()


def _named(file: str, mutant: Mutant) -> str:
    """A name without its line number, which other changes would move."""
    source = (ROOT / file).read_text().splitlines()
    return f"{file}: {source[mutant.line - 1].strip()}: {' '.join(mutant.what.split())}"


def _import_what_tests_need(tests: list[str]) -> None:
    """In this process, so that no child has to; our own modules go again."""
    paths = [f"{_UNIT}{test}" for test in tests if (ROOT / _UNIT / test).exists()]
    with _quiet():
        pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *paths])
    for name in [name for name in sys.modules if name.split(".")[0] in ("ocinb", "tests")]:
        if not name.startswith("tests.mutants") and name != "tests":
            del sys.modules[name]


def _noticed(file: str, mutant: Mutant | None, tests: list[str]) -> bool:
    """Whether the tests fail."""
    child = os.fork()
    if child == 0:
        status = 3
        try:
            signal.alarm(LONGEST)
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
            if mutant is not None:
                sys.meta_path.insert(0, _Finder(file, mutant))
            paths = [f"{_UNIT}{test}" for test in tests if (ROOT / _UNIT / test).exists()]
            words = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly"]
            with _quiet():
                status = int(pytest.main([*words, f"--basetemp=/tmp/ocinb-mutants-{os.getpid()}",
                                          *paths]))  # fmt: skip
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        import shutil

        shutil.rmtree(f"/tmp/ocinb-mutants-{child}", ignore_errors=True)
    return ended != 0


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the mutant in place of its module."""

    def __init__(self, file: str, mutant: Mutant) -> None:
        self.name = file.removesuffix(".py").replace("/", ".")
        self.file, self.mutant = str(ROOT / file), mutant

    def find_spec(self, name, path, target=None):  # type: ignore[no-untyped-def]
        """Only that module."""
        if name == self.name:
            return importlib.util.spec_from_loader(name, self, origin=self.file)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """As Python would run it."""
        module.__file__ = self.file
        exec(compile(self.mutant.tree, self.file, "exec"), module.__dict__)


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """Standard output and errors go nowhere."""
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    if "OCINB_MUTANTS_LOUD" not in os.environ:
        os.dup2(null, 1)
        os.dup2(null, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for descriptor in (*kept, null):
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
