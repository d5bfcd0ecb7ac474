"""What our client adds to a small request, beside Python's ``http.client``.

Processor time of this process, over one connection to the same registry of ours.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ocinb.distribution.client import Client
from ocinb.spec.digest import digest_of
from ocinb.spec.reference import Reference
from tests.bench.measure import Case, Comparison
from tests.bench.registry import ours

COUNT = 1000
DATA = b"x" * 500
DIGEST = digest_of(DATA)


def comparisons() -> Iterator[Comparison]:
    """Each of them, to be run before the next is asked for."""
    with tempfile.TemporaryDirectory(prefix="ocinb-bench-") as root, ours(Path(root)) as address:
        plain, reference = http.client.HTTPConnection(address), Reference.parse(f"{address}/small")
        plain.request("POST", f"/v2/small/blobs/uploads/?digest={DIGEST}", body=DATA)
        plain.getresponse().read()

        def theirs() -> None:
            for _ in range(COUNT):
                plain.request("HEAD", f"/v2/small/blobs/{DIGEST}")
                answer = plain.getresponse()
                answer.read()
                assert answer.status == 200

        with Client() as client:

            def mine() -> None:
                for _ in range(COUNT):
                    assert client.head_blob(reference, DIGEST) == len(DATA)

            yield Comparison(
                f"{COUNT:,} small requests, processor time",
                [
                    Case("ocinb, Client.head_blob", mine, clock=time.process_time),
                    Case("http.client", theirs, clock=time.process_time),
                ],
            )
        plain.close()
