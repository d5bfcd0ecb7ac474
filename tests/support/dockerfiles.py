"""Dockerfiles that every builder should understand the same way, and the files they copy."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path


def make_context(directory: Path) -> None:
    """The files that ``CASES`` copy."""
    files = {
        "a.txt": "a\n",
        "b.txt": "b\n",
        "c.md": "c\n",
        "tool": "#!/bin/sh\necho tool\n",
        "d/one": "1\n",
        "d/two": "2\n",
        "d/deep/three": "3\n",
        "d/deep/four.log": "4\n",
        "e/one": "other\n",
        "secret/key": "secret\n",
        "with space": "space\n",
        ".hidden": "hidden\n",
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o640 if name == "b.txt" else 0o644)
    (directory / "tool").chmod(0o755)
    (directory / "d/deep").chmod(0o750)
    (directory / "d/link").symlink_to("one")
    (directory / "toplink").symlink_to("a.txt")
    (directory / "dirlink").symlink_to("d")
    (directory / "bin").mkdir()
    (directory / "bin/mine").write_text("mine\n")
    archive = directory / "pack.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, kind, mode, owner in (
            ("packed", tarfile.DIRTYPE, 0o711, 7),
            ("packed/file", tarfile.REGTYPE, 0o4755, 1000),
            ("packed/link", tarfile.SYMTYPE, 0o777, 0),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = kind, mode, owner, owner
            entry.linkname = "file" if kind == tarfile.SYMTYPE else ""
            entry.size = 5 if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(b"hello"))
    (directory / ".dockerignore").write_text("# what stays out\nsecret\n**/*.log\n!keep.log\n")
    for path in sorted(directory.rglob("*")):
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


CASES = {
    "env": 'FROM BASE\nENV A=1 B="two words" C=\\$x\nENV OLD form of it\nENV D=$A-$B E=${NO:-d}\n',
    "env overrides": "FROM BASE\nENV A=1\nENV A=2 PATH=/x:$PATH\n",
    "label": 'FROM BASE\nLABEL a=b "c d"="e f"\nLABEL version="1" \\\n  more="lines"\n',
    "workdir": "FROM BASE\nWORKDIR /w\nWORKDIR x/y\nENV D=z\nWORKDIR $D\n",
    "user": "FROM BASE\nUSER demo\n",
    "cmd shell form": "FROM BASE\nCMD echo $HOME\n",
    "cmd exec form": 'FROM BASE\nCMD ["/bin/sh", "-c", "id"]\n',
    "entrypoint drops the base's cmd": 'FROM BASE\nENTRYPOINT ["/bin/cat"]\n',
    "entrypoint keeps our cmd": 'FROM BASE\nCMD ["x"]\nENTRYPOINT ["/bin/cat"]\n',
    "entrypoint shell form": "FROM BASE\nENTRYPOINT echo hi\n",
    "expose": "FROM BASE\nEXPOSE 80 53/udp\nENV P=8080\nEXPOSE $P/tcp\n",
    "volume": 'FROM BASE\nVOLUME /data /more\nVOLUME ["/json"]\n',
    "stopsignal": "FROM BASE\nSTOPSIGNAL SIGUSR1\n",
    "shell": 'FROM BASE\nSHELL ["/bin/sh", "-e", "-c"]\nRUN echo x > /x\nCMD echo y\n',
    "arg": "ARG V=9\nFROM BASE\nARG V\nARG W=$V-w\nRUN echo $V $W > /args\nENV SEEN=$W\n",
    "run": "FROM BASE\nRUN echo hi > /hi && mkdir /made && rm /etc/passwd\n",
    "run removes directories": "FROM BASE\nRUN rm -r /usr/share/demo\n",
    "run makes a directory anew": (
        "FROM BASE\nRUN rm -r /usr/share/demo && mkdir /usr/share/demo && echo >/usr/share/demo/z\n"
    ),
    "run exec form": 'FROM BASE\nRUN ["/bin/sh", "-c", "echo $0 > /exec"]\n',
    "run continued": "FROM BASE\nRUN echo one > /x \\\n  # between\n  && echo two >> /x\n",
    "run in workdir as user": "FROM BASE\nWORKDIR /home/demo\nUSER demo\nRUN id > ids\n",
    "copy a file": "FROM BASE\nCOPY a.txt /new/name\nCOPY b.txt /b\n",
    "copy into directories": "FROM BASE\nCOPY a.txt b.txt /dir/\nCOPY tool /usr/bin/\n",
    "copy relative": "FROM BASE\nWORKDIR /srv\nCOPY a.txt .\nCOPY b.txt sub/\n",
    "copy globs": "FROM BASE\nCOPY *.txt c.* /globbed/\nCOPY ?.md /one.md\n",
    "copy a directory": "FROM BASE\nCOPY d /d\nCOPY d /etc/\n",
    "copy through a link of the image": "FROM BASE\nCOPY tool /bin/tool\nCOPY a.txt /lib/x/\n",
    "copy a link": "FROM BASE\nCOPY toplink /followed\nCOPY dirlink /dirs\n",
    "copy names with spaces": 'FROM BASE\nCOPY ["with space", "/with space"]\n',
    "copy chown": "FROM BASE\nCOPY --chown=1000:7 d /numbers\nCOPY --chown=demo:demo a.txt /n\n",
    "copy chmod": "FROM BASE\nCOPY --chmod=600 a.txt /a\n",
    "copy the context": "FROM BASE\nCOPY . /all\n",
    "copy dotfiles": "FROM BASE\nCOPY .hidden .dockerignore /h/\n",
    "add an archive": "FROM BASE\nADD pack.tar.gz /unpacked\n",
    "add a file": "FROM BASE\nADD a.txt d /added/\n",
    "multi-stage": (
        "FROM BASE AS maker\nRUN echo made > /made && mkdir /tree && echo t > /tree/t\n"
        "FROM BASE\nCOPY --from=maker /made /tree /got/\nCOPY --from=0 /made /by-number\n"
    ),
    "stage on stage": "FROM BASE AS one\nENV ONE=1\nRUN echo 1 > /1\nFROM one\nENV TWO=$ONE\n",
    "scratch": 'FROM scratch\nCOPY a.txt /\nCOPY d /d/\nWORKDIR /w\nCMD ["/none"]\n',
    "copy from an image": "FROM scratch\nCOPY --from=BASE /etc/group /usr/share/demo /taken/\n",
    "escape": "# escape=`\nFROM BASE\nRUN echo one > /x `\n  && echo two >> /x\nENV P=C:\\dir\n",
    "maintainer": "FROM BASE\nMAINTAINER somebody <s@example.com>\n",
    "several layers": "FROM BASE\nCOPY a.txt /x\nRUN cat /x > /y && rm /x\nCOPY b.txt /x/b\n",
}
