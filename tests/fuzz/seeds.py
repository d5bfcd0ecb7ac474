"""What fuzzing begins with: good documents of each kind, and what was once misread.

    python -m tests.fuzz.seeds

writes those that can be made to ``tests/fuzz/corpus``; findings are added there by ``make fuzz``,
and by hand, and stay.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from ocinb.runtime.default_config import default_config
from tests.support.archives import archive, directory, hardlink, member, symlink
from tests.support.dockerfiles import CASES
from tests.support.runtimes import default_config as small_config

CORPUS = Path(__file__).with_name("corpus")
_DIGEST = "sha256:" + "0123456789abcdef" * 4
_DESCRIPTOR = {"mediaType": "application/octet-stream", "digest": _DIGEST, "size": 2}


def seeds() -> dict[str, list[bytes]]:
    """Target → its first inputs."""
    image = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {**_DESCRIPTOR, "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [{**_DESCRIPTOR, "urls": ["http://x"], "annotations": {"a": "b"}}],
    }
    index = {"schemaVersion": 2, "manifests": [{**_DESCRIPTOR, "platform": {"os": "linux"}}]}
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [_DIGEST]},
        "history": [{"created_by": "x", "empty_layer": True}, {"created_by": "y"}],
        "config": {"Env": ["A=b"], "ExposedPorts": {"80/tcp": {}}},
    }
    old = {
        "schemaVersion": 1,
        "name": "a",
        "tag": "1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": _DIGEST}],
        "history": [{"v1Compatibility": '{"id":"x","os":"linux","config":{"Cmd":["a"]}}'}],
    }
    headers = {"SCHILY.xattr.user.a": "b", "mtime": "1.5", "path": "d/long" * 30}
    members = [
        directory("d"),
        member("d/f", data=b"x" * 600, pax_headers=headers),
        symlink("s", "../../outside"),
        member("s/victim", data=b"!"),
        hardlink("h", "d/f"),
        member("d/.wh.gone"),
        member(".wh..wh..opq"),
    ]
    formats = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)
    archives = [archive(members if format != tarfile.USTAR_FORMAT else members[2:], format)
                for format in formats]  # fmt: skip
    bearer = 'Bearer realm="https://a/t",service="s",scope="repository:a:pull"'
    return {
        "reference": [
            *map(str.encode, ("nginx", "a/b:1", f"localhost:5000/a/b@{_DIGEST}")),
            f"[::1]:5000/x__y:T@{_DIGEST}".encode(),
        ],
        "digest": [_DIGEST.encode(), b"sha512:" + b"0" * 128, b"sha256:../../etc/passwd"],
        "documents": [json.dumps(each).encode() for each in (image, index, config)]
        + [json.dumps({**image, **index}).encode()],
        "schema1": [json.dumps(old).encode()],
        "config": [
            json.dumps(default_config(rootless=False)).encode(),
            json.dumps(small_config(Path("/rootfs"))).encode(),
        ],
        "tar": archives,
        "layer": archives,
        "challenge": [bearer.encode(), b'Basic realm="x", ' + bearer.encode(), b"Negotiate a=="],
        "whiteouts": [b"a/.wh.b", b".wh..wh..opq", b"a/.wh..wh.plnk/x", b".wh...", b".wh..wh.a"],
        "dockerfile": [
            *(text.encode() for text in list(CASES.values())[::4]),
            b'# escape=`\nARG A=${B:-c}\nFROM $A\nRUN <<EOF\nx\nEOF\nCOPY --chown=1 ["a", "b"]',
        ],
    }


def main() -> None:
    """Write them."""
    for target, found in seeds().items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(found):
            (CORPUS / target / f"seed-{number}").write_bytes(data)


if __name__ == "__main__":
    main()
