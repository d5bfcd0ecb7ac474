"""``make fuzz``: every target for a while, led by the code that its bytes reach (atheris).

    python -m tests.fuzz [--seconds N] [--only TARGET]…

What reaches something new is kept in ``.cache/fuzz``, what breaks a promise in
``tests/fuzz/corpus``, where it stays as a test. Without atheris it is hypothesis that finds
inputs, which sees less.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from tests.fuzz.mutations import CORPUS, near

ROOT = Path(__file__).parents[2]
NEW = ROOT / ".cache/fuzz"
NAMES = sorted(path.name for path in CORPUS.iterdir())


def main() -> int:
    """Fuzz the targets one after the other; 1 where one of them broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for each target (600)")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="TARGET")
    parser.add_argument("--in-this-process", choices=NAMES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.in_this_process:
        return _guided(chosen.in_this_process, chosen.seconds)
    broken = []
    for name in chosen.only or NAMES:
        print(f"## {name}, {chosen.seconds} s", flush=True)
        words = ["--in-this-process", name, "--seconds", str(chosen.seconds)]
        done = subprocess.run([sys.executable, "-m", "tests.fuzz", *words], cwd=ROOT, check=False)
        if done.returncode:
            broken.append(name)
    print(f"broken: {', '.join(broken)}" if broken else "no promise was broken")
    return int(bool(broken))


def _guided(name: str, seconds: int) -> int:
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed (pip install 'ocinb[fuzz]'): hypothesis alone")
        return _unguided(name, seconds)
    import atheris

    with atheris.instrument_imports(include=["ocinb"]):
        from tests.fuzz.targets import attempt
    found = NEW / name
    found.mkdir(parents=True, exist_ok=True)
    words = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={CORPUS / name}/",
        *("-max_len=65536", "-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1"),
    ]
    atheris.Setup(
        [sys.argv[0], *words, str(found), str(CORPUS / name)], lambda data: attempt(name, data)
    )
    atheris.Fuzz()
    return 0


def _unguided(name: str, seconds: int) -> int:
    import time

    from hypothesis import HealthCheck, given, settings

    from tests.fuzz.targets import attempt

    until = time.monotonic() + seconds

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=near(name))
    def promise(data: bytes) -> None:
        if time.monotonic() < until:
            attempt(name, data)

    while time.monotonic() < until:
        promise()
    return 0


if __name__ == "__main__":
    sys.exit(main())
