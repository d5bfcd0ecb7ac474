"""What the options do to the container's process."""

from __future__ import annotations

from pathlib import Path

from tests.support.behaviours.behaviour import Batch, Declared, Pattern, Row

_HOME = "podman takes the working directory where passwd names none; docker and we take /"
_THERE = "podman wants the directory to be there; docker makes it, and so do we"


def _env_files(place: Path) -> None:
    (place / "one.env").write_text(
        '# a comment\nIN_FILE=file\n\nBOTH_FILES=one\n  INDENTED=yes\nQUOTED="kept"\nEQUALS=a=b\n'
        "SPACES=a b \nNO_SUCH_VARIABLE_HERE\n"
    )
    (place / "two.env").write_text("BOTH_FILES=two\nOVERRULED=file\n")


BATCHES = [
    Batch(
        "environment",
        "--env NEW=value -e BOTH=option --env EMPTY= --env EQUALS=a=b --env "
        "'SPACE=a b  c' --env 'LINES=one\ntwo' --env NO_SUCH_VARIABLE_HERE --env TWICE=1 "
        "--env TWICE=2 --env HOME=/elsewhere --env 'ÜMLAUT=ä'",
        [
            Row("--env: a new variable", 'echo "$NEW"', "value"),
            Row("--env: over the image's", 'echo "$BOTH"', "option"),
            Row("--env: the image's others stay", 'echo "$FROM_IMAGE"', "image"),
            Row("--env: empty", 'echo "${EMPTY-missing}"', ""),
            Row("--env: a value with =", 'echo "$EQUALS"', "a=b"),
            Row("--env: a value with spaces", 'echo "$SPACE"', "a b  c"),
            Row("--env: a value of two lines", 'echo "$LINES"', "one\ntwo"),
            Row(
                "--env: of a name that is not set here", 'echo "${NO_SUCH_VARIABLE_HERE-no}"', "no"
            ),
            Row("--env: the last one counts", 'echo "$TWICE"; env | grep -c ^TWICE=', "2\n1"),
            Row("--env: HOME", 'echo "$HOME"', "/elsewhere"),
            Row(
                "--env: any letters", "tr '\\0' '\\n' < /proc/1/environ | sed -n s/^ÜMLAUT=//p", "ä"
            ),
        ],
    ),
    Batch(
        "environment by file",
        "--env-file {place}/one.env --env-file {place}/two.env --env OVERRULED=o",
        [
            Row("--env-file: a variable", 'echo "$IN_FILE"', "file"),
            Row("--env-file: the last file counts", 'echo "$BOTH_FILES"', "two"),
            Row("--env-file: --env is stronger", 'echo "$OVERRULED"', "o"),
            Row("--env-file: quotation marks stay", 'echo "$QUOTED"', '"kept"'),
            Row("--env-file: a value with =", 'echo "$EQUALS"', "a=b"),
            Row("--env-file: spaces before a name", 'echo "$INDENTED"', "yes"),
            Row("--env-file: spaces at the end stay", 'echo "[$SPACES]"', "[a b ]"),
            Row(
                "--env-file: of a name that is not set", 'echo "${NO_SUCH_VARIABLE_HERE-no}"', "no"
            ),
        ],
        prepare=_env_files,
    ),
    Batch(
        "a user by name",
        "--user ann --workdir /home/ann --umask 0077",
        [
            Row(
                "--user NAME: ids and groups",
                "id",
                "uid=1000(ann) gid=1000(ann) groups=29(audio),44(video),1000(ann)",
            ),
            Row("--user NAME: HOME", 'echo "$HOME"', "/home/ann"),
            Row("--user NAME: no capabilities", "status CapEff", "0000000000000000"),
            Row("--user NAME: bounded all the same", "status CapBnd | tail -c 4", "5fb"),
            Row("--user NAME: cannot read the superuser's", "try ls /root/.. /volume", "fails"),
            Row("--user NAME: may write at home", "touch mine; stat -c %U mine", "ann"),
            Row("--workdir: the directory", "pwd", "/home/ann"),
            Row("--umask: of new files", "touch f; stat -c %a f", "600"),
            Row("--umask: of new directories", "mkdir d; stat -c %a d", "700"),
        ],
    ),
    Batch(
        "a user and a group by number",
        "--user 1234:5678 --group-add wheel --group-add 77",
        [
            Row("--user UID:GID", "id -u; id -g", "1234\n5678"),
            Row("--user UID:GID: HOME", 'echo "$HOME"', "/", {"podman": Declared("/srv", _HOME)}),
            Row("--group-add: by name and number", "echo $(status Groups)", "10 77 5678"),
        ],
    ),
    Batch(
        "a user and a group by name",
        "--user ann:users",
        [
            Row("--user USER:GROUP", "id -u; id -g", "1000\n100"),
            Row("--user USER:GROUP: no other groups", "echo $(status Groups)", "100"),
        ],
    ),
    Batch(
        "a user by number that the image knows",
        "--user 1001",
        [
            Row("--user UID: the group of passwd", "id -g", "100"),
            Row("--user UID: HOME of passwd", 'echo "$HOME"', "/home/bob"),
        ],
    ),
    Batch(
        "a working directory that is not there",
        "-w /a/b/c",
        [
            Row(
                "--workdir: is made",
                "pwd; echo x > f; cat f; stat -c %U:%a .",
                "/a/b/c\nx\nroot:755",
            )
        ],
        refused={"podman": _THERE},
    ),
    Batch(
        "a first process before the program",
        "--init",
        [
            Row(
                "--init: the program is a later one",
                "[ $$ = 1 ] && echo first || echo later",
                "later",
            ),
            Row(
                "--init: orphans are collected",
                "pid=$(sh -c 'sleep 0.1 >/dev/null & echo $!'); n=0; "
                "while [ -e /proc/$pid ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; "
                "[ -e /proc/$pid ] && echo left || echo gone",
                "gone",
            ),
            Row(
                "--init: the program leads no session of its own",
                "cut -d' ' -f 1,6 /proc/1/stat",
                Pattern("1 [01]"),
            ),
        ],
    ),
    Batch(
        "limits of the process",
        "--ulimit nofile=512:600 --ulimit core=0 --ulimit fsize=1048576 --ulimit "
        "nproc=200:300 --oom-score-adj 555",
        [
            Row("--ulimit: soft and hard", "limit 'open files'", "512 600"),
            Row("--ulimit: one number is both", "limit 'core file size'", "0 0"),
            Row("--ulimit: bytes", "limit 'file size'", "1048576 1048576"),
            Row("--ulimit: processes", "limit processes", "200 300"),
            Row(
                "--ulimit: is kept",
                "dd if=/dev/zero of=/big bs=1024 count=2000 2>/dev/null; stat -c %s /big",
                "1048576",
            ),
            Row("--oom-score-adj", "cat /proc/self/oom_score_adj", "555"),
        ],
    ),
    Batch(
        "a terminal",
        "--tty",
        [
            Row("--tty: standard output", "readlink /proc/1/fd/1", Pattern("/dev/(pts/0|console)")),
            Row("--tty: the console", "stat -c %F /dev/console", "character special file"),
            Row("--tty: TERM", 'echo "$TERM"', "xterm"),
            Row("--tty: leads a session", "cut -d' ' -f 6,7 /proc/1/stat", Pattern("1 34816")),
        ],
    ),
]
