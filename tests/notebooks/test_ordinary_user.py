"""The stepper and the scripts of the kernel, for who is not the superuser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.peers import require_system_python

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[2]
USER = 4711
PROGRAM = """
import json, sys
from pathlib import Path
from ocinb.build.demo import demo_image
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.kernel.scripts import Scripts
from ocinb.notebook.widgets.stepping import Walk
from ocinb.settings import Settings

place = Path(sys.argv[1])
session = Session(Settings(root=place / "root", run_root=place / "run"))
engine = session.engine
engine.store.names.set("docker.io/library/demo:latest", demo_image(engine.store))
walk, statuses, seen = Walk(engine, engine.images.get("demo"), ("sleep", "600")), [], []
while walk.next:
    walk.advance()
    statuses.append(walk.status)
    if walk.position == 10:
        while "/entrypoint" in str(walk.snapshot.processes):
            walk._look()
        seen = [list(row[1:]) for row in walk.snapshot.processes]
        own = [kind for kind, whose, _ in walk.snapshot.namespaces if whose == "own"]
walk.close()

written = bytearray()
scripts = Scripts(
    lambda: engine,
    lambda words, text: tree.call(["run", *words], session, script=text),
    lambda: None,
)
for text in ("cd /etc; export A=1; id -u", "echo $PWD $A", "exit 4"):
    status = scripts.script("demo", text, lambda data, _: written.extend(data))
scripts.close()
left = [record.name for record in engine.containers.all()]
print(json.dumps([statuses, seen, own, written.decode(), status, left]))
"""


def test_an_ordinary_user_steps_and_runs_scripts():
    require_system_python()
    place = tempfile.mkdtemp(prefix="ocinb-ordinary-", dir="/tmp")
    os.chown(place, USER, USER)
    become = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
    try:
        done = subprocess.run(
            [*become, sys.executable, "-c", PROGRAM, place],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": place, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        statuses, seen, own, written, status, left = json.loads(done.stdout.splitlines()[-1])
        assert statuses == [
            *("creating", "creating", "creating", "created", "created"),
            *("running", "running", "stopped", "", ""),
        ]
        assert seen == [[1, "init", "sleep 600"]]
        assert {"user", "pid", "mnt", "net"} <= set(own)
        assert (written, status, left) == ("0\n/etc 1\n", 4, [])
    finally:
        shutil.rmtree(place)
