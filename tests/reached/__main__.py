"""``make coverage``: which branches of ocinb all tests together take, in every process of it.

    python -m tests.reached [--fail-under PERCENT] [--markdown FILE] [ARGUMENTS OF PYTEST]

The tests run in a copy of the repository. coverage.py sees the processes that load site-packages;
programs that run isolated (``python -I -S``) begin with a line that is added in the copy, and
note their steps as ``arcs.py`` says. Needs the package coverage.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from tests.reached import arcs
from tests.reached.table import as_markdown

ROOT = Path(__file__).parents[2]
ISOLATED = (
    "ocinb/runtime/__main__.py",
    "ocinb/engine/launcher.py",
    "ocinb/engine/copying/worker.py",
    "ocinb/engine/emulated/__main__.py",
    "ocinb/network/hook.py",
)
"""Programs that are started with ``-I -S``."""

_FUTURE = "from __future__ import annotations\n"
_CONFIGURATION = """\
[run]
branch = True
parallel = True
source = {copy}/ocinb
data_file = {copy}/data/coverage
patch =
    subprocess
    _exit
[report]
exclude_also =
    if TYPE_CHECKING:
    raise NotImplementedError
    ^\\s*\\.\\.\\.$
    if __name__ == .__main__.:
"""


def main() -> int:
    """Run the tests, tell the coverage; 1 where it is less than it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.reached", description=__doc__)
    parser.add_argument("--fail-under", type=float, default=92.0, metavar="PERCENT")
    parser.add_argument("--html", type=Path, default=ROOT / "test-artefacts/coverage")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table of rooms")
    chosen, words = parser.parse_known_args()
    copy = Path(tempfile.mkdtemp(prefix="ocinb-reached-"))
    try:
        _copy(copy)
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        run = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-p", "no:cacheprovider"]
        run += [f"--junit-xml={copy}/outcome.xml", *(words or ["-n", "2"])]
        subprocess.run(run, cwd=copy, env=environment, check=False)
        status = _report(copy, chosen.fail_under, chosen.html)
        if chosen.markdown:
            counted = json.loads((chosen.html / "coverage.json").read_text())
            chosen.markdown.write_text(as_markdown(counted, _counts(copy / "outcome.xml")))
        return status
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _counts(said: Path) -> str:
    """How the tests ended, of what pytest writes in JUnit's form."""
    if not said.exists():
        return "the tests did not come to their end"
    (suite,) = ElementTree.parse(said).getroot().iter("testsuite")
    found = {kind: int(suite.attrib[kind]) for kind in ("tests", "failures", "errors", "skipped")}
    return ", ".join(f"{number:,} {kind}" for kind, number in found.items())


def _copy(copy: Path) -> None:
    copy.chmod(0o755)
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in done.stdout.decode().split("\0"):
        if name and (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    for words in (["init", "--quiet"], ["add", "--all"]):  # the wheel is made of what git has
        subprocess.run(["git", *words], cwd=copy, check=True)
    data, steps = copy / "data", copy / "steps-of-isolated"
    for directory in (data, steps):
        directory.mkdir()
    data.chmod(0o777)  # ordinary users write there, too
    (copy / ".coveragerc").write_text(_CONFIGURATION.format(copy=copy))
    shutil.copy(arcs.__file__, steps / "ocinb_arcs.py")
    files = sorted(str(path) for path in (copy / "ocinb").rglob("*.py"))
    (steps / "files").write_text("".join(f"{path}\n" for path in files))
    with (steps / "steps").open("wb") as file:
        file.truncate(len(files) * arcs.SIDE**2)
    (steps / "steps").chmod(0o666)
    # In the virtual machine the copy is there without that directory.
    add = f"import os, sys; sys.path.insert(0, {str(steps)!r}); "
    add += "arcs = os.path.isdir(sys.path[0]) and __import__('ocinb_arcs'); "
    add += "sys.path.pop(0); arcs and arcs.begin()\n"
    for name in ISOLATED:
        text = (copy / name).read_text()
        assert _FUTURE in text, name
        # On the same line, so that all others keep their numbers.
        changed = text.replace(_FUTURE, f"{_FUTURE[:-1]}; {add}", 1)
        (copy / name).write_text(changed)


def _report(copy: Path, least: float, html: Path) -> int:
    import coverage

    words = [sys.executable, "-m", "coverage"]
    subprocess.run([*words, "combine", "--quiet"], cwd=copy, check=False)
    seen = coverage.Coverage(data_file=str(copy / "data/coverage"), config_file=False)
    seen.load()
    arcs.HERE = str(copy / "steps-of-isolated")
    seen.get_data().add_arcs(arcs.taken())
    seen.save()
    html.mkdir(parents=True, exist_ok=True)
    subprocess.run([*words, "html", "--quiet", "--directory", html], cwd=copy, check=False)
    subprocess.run([*words, "json", "--quiet", "-o", html / "coverage.json"], cwd=copy, check=False)
    told = [*words, "report", f"--fail-under={least}", "--skip-covered", "--sort=cover"]
    return subprocess.run(told, cwd=copy, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
