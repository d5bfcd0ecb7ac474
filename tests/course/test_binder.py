"""What ``binder/`` makes: a server for readers who install nothing, in a pod with few rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from tests.support.course import ROOT, USER
from tests.support.peers import require, require_system_python

DOCKERFILE = """
from repo2docker.app import Repo2Docker

for kind in Repo2Docker().buildpacks:
    pack = kind(base_image=Repo2Docker().base_image)
    pack.platform = "linux/amd64"
    if pack.detect():
        print(pack.render({}))
        break
"""
"""What repo2docker does with the current directory, up to the point where docker is needed."""


@pytest.fixture(scope="module")
def dockerfile():
    done = subprocess.run(
        [sys.executable, "-c", DOCKERFILE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout


def test_repo2docker_makes_a_build_of_it(dockerfile):
    after_copy = dockerfile.partition("COPY --chown=1000:1000 src/ ")[2]
    for step in ("pip install --no-cache-dir -r", "RUN ./binder/postBuild", "/binder/start"):
        assert step in after_copy
    assert "proot" in dockerfile.partition("apt-get install --yes")[2].splitlines()[0]


def test_the_badge_leads_to_where_the_repository_is_said_to_be():
    source = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    name = source.removeprefix("https://github.com/")
    badge = f"(https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/notebooks)"
    assert badge in (ROOT / "README.md").read_text()


def test_the_scripts_stop_at_an_error_and_start_becomes_the_server():
    for name in ("postBuild", "start"):
        text = (ROOT / "binder" / name).read_text()
        assert "set -euo pipefail" in text
        assert os.access(ROOT / "binder" / name, os.X_OK)
    assert text.splitlines()[-1] == 'exec "$@"'


@pytest.mark.root
@pytest.mark.slow
def test_a_session_in_a_pod_has_the_demo_image_without_a_network():
    require("proot")
    require_system_python()
    home = Path(tempfile.mkdtemp(prefix="ocinb-binder-"))
    os.chown(home, USER, USER)
    session = "ocinb run localhost:5000/demo echo it runs; ocinb catalog localhost:5000"
    script = (
        "ip link set lo up; "
        f"exec {sys.executable} tests/support/pod.py {USER} /bin/bash -ec "
        f"'binder/postBuild; binder/start /bin/bash -ec \"{session}\"; ocinb registry down'"
    )
    try:
        done = subprocess.run(
            ["unshare", "--net", "sh", "-ec", script],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(home),
                "XDG_RUNTIME_DIR": str(home),
                "PYTHONPATH": str(ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "it runs\n" in done.stdout
        assert done.stdout.splitlines()[-2].strip() == "demo"
        assert (home / ".local/share/jupyter/kernels/ocinb/kernel.json").exists()
    finally:
        shutil.rmtree(home)
