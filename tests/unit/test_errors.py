"""The error tree is the one that its docstring draws."""

from __future__ import annotations

import errno
import pickle
import re

from ocinb import errors


def _classes() -> dict[str, type]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.OcinbError)
    }


def test_the_docstring_names_every_error() -> None:
    drawn = set(re.findall(r"\b[A-Z][A-Za-z]+\b", (errors.__doc__ or "").split("Messages")[0]))
    assert set(_classes()) <= drawn


def test_every_error_says_the_same_in_another_process() -> None:
    # multiprocessing waits for ever for a result that it cannot read.
    for name, kind in _classes().items():
        error = kind.__new__(kind)
        error.args = ("it is so",)
        vars(error).update(message="it is so", hint="do this", citation=None, code=7)
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind, name
        assert (str(again), vars(again)) == (str(error), vars(error))
    refused = pickle.loads(pickle.dumps(errors.SyscallError("mount", ["/proc"], errno.EPERM)))
    assert (str(refused), refused.errno) == ("mount(/proc): operation not permitted", errno.EPERM)


def test_a_kernels_refusal_is_readable_and_still_an_oserror() -> None:
    error = errors.SyscallError("mount", ["proc", "/proc"], errno.EPERM, hint="be root")
    assert str(error) == "mount(proc, /proc): operation not permitted"
    assert isinstance(error, OSError)
    assert (error.errno, error.hint) == (errno.EPERM, "be root")
