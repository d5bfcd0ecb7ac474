"""The versions of the specifications that this code implements.

Copies of the runtime specification disagree on a failing poststart hook: up to 1.2 it is a
warning, from 1.3 an error. Citations in this project are to these versions.
"""

from __future__ import annotations

RUNTIME_SPEC = "1.3.0"
IMAGE_SPEC = "1.1.1"
DISTRIBUTION_SPEC = "1.1.1"

RUNTIME_SPEC_OLDEST = (1, 0, 0)
"""config.json of an older ``ociVersion`` is refused."""
