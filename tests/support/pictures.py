"""A listing for each kind of diagram, as the commands give them; made of nothing but rows."""

from __future__ import annotations

from ocinb.calls import CALL_COLUMNS
from ocinb.commands.network import MEMBERS
from ocinb.conversation import conversation
from ocinb.events import Exchange, StepFinished, Syscall
from ocinb.insight.comparison import COMPARISON_COLUMNS
from ocinb.insight.components import components_table
from ocinb.insight.graph import GRAPH_COLUMNS
from ocinb.insight.isolation import ISOLATION_COLUMNS
from ocinb.insight.layers import LAYER_COLUMNS
from ocinb.insight.ledger import LEDGER_COLUMNS
from ocinb.insight.limits import LIMIT_COLUMNS
from ocinb.insight.origin import WHY_COLUMNS
from ocinb.spec import media_types
from ocinb.table import Table
from ocinb.trace import lifecycle, step_calls

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def tables(word="demo", many=3):
    """Kind of a diagram → its listing.

    Args:
        word: stands wherever an image, a registry or a container may write something.
        many: rows of what can be many.
    """
    return {
        "layer_stack": Table(LAYER_COLUMNS, [_layer(n, word) for n in _numbers(many)], title=word),
        "lifecycle_line": lifecycle(_steps(word), word),
        "conversation": conversation(
            Exchange(method="GET", url=f"http://r.example/v2/{word}", status=200, error=word)
            for _ in range(many)
        ),
        "overlay_lookup": Table(
            WHY_COLUMNS, [_why(n, word) for n in _numbers(many)], title=f"/{word} of {word}"
        ),
        "content_graph": Table(GRAPH_COLUMNS, _graph(word, many), title=f"what {word} leads to"),
        "digest_ledger": Table(LEDGER_COLUMNS, _ledger(word, many), title=f"digests of {word}"),
        "isolation": Table(
            ISOLATION_COLUMNS, _isolation(word, many), title=f"namespaces and mounts of {word}"
        ),
        "limits": Table(LIMIT_COLUMNS, _limits(word), title=f"limits of {word}"),
        "component_chain": components_table(),
        "comparison": Table(
            COMPARISON_COLUMNS, _comparison(word, many), title=f"{word} and {word}"
        ),
        "network_plan": Table(
            MEMBERS, [_member(n, word) for n in _numbers(many)], title=f"{word}: {word}"
        ),
        "step_calls": step_calls(_steps(word, calls=many), word, 2),
        "call_sequence": Table(CALL_COLUMNS, [_call(n, word) for n in _numbers(many)], title=word),
    }


def _call(n, word):
    caller = ("kubelet", word)[n % 2]
    failure = word if n % 3 == 0 else ""
    return 100 + n / 10, caller, "runc", word, word, 0.01 * n, word, failure, word, word


def _member(n, word):
    ports = ("0.0.0.0:80->80/tcp", "", f"127.0.0.1:{n}->{word}")[n % 3]
    return word, "10.0.0.2", ports, f"{word} {word}", "02:00:00:00:00:01", word, DIGEST, "fd00::2"


def _numbers(many):
    return range(1, many + 1)


def _layer(n, word):
    return (n, word, DIGEST, 10 * n, 100 * n, 5, 1, n - 1, DIGEST, DIGEST, media_types.LAYER_GZIP,
            word, None, 10 * n, word)  # fmt: skip


def _steps(word, calls=0):
    called = [
        Syscall(container=word, call="mount", arguments=(word,), time=100.0205, seconds=0.0001,
                errno=2 * (n % 2), field=word)
        for n in range(calls)
    ]  # fmt: skip
    return [
        *called,
        *(
            StepFinished(container=word, number=n, time=100 + n / 100, seconds=0.005, detail=word)
            for n in range(1, 14)
        ),
        StepFinished(container=word, number=2, time=100.03, seconds=0.02),
    ]


def _why(n, word):
    says = ("adds", "deletes", "", "hides", "replaces")[n % 5]
    return n, says, "yes" if n == 1 else "", 10, 10, 10, 10 * n, f"/{word}", word


def _graph(word, many):
    rows = [(0, "index", DIGEST, 5, "yes", "", media_types.IMAGE_INDEX, "", word)]
    for n in _numbers(many):
        manifest = f"sha256:{n:064x}"
        rows += [
            (1, "manifest", manifest, 5, "yes", word, media_types.IMAGE_MANIFEST, DIGEST, ""),
            (2, "config", OTHER, 5, "no", "", media_types.IMAGE_CONFIG, manifest, ""),
            (2, "layer", OTHER, 5, "yes", "layer 1", media_types.LAYER_TAR, manifest, ""),
            (2, "referrer", OTHER, 5, "yes", word, media_types.IMAGE_MANIFEST, manifest, ""),
        ]
    return rows


def _ledger(word, many):
    cite = "image-spec descriptor.md#digests"
    rows = [("manifest", None, DIGEST, DIGEST, "yes", 5, "the document", word, cite)]
    for n in _numbers(many):
        rows += [
            ("layer", n, DIGEST, OTHER, "no", 5, "the blob", "the manifest", cite),
            ("diffID", n, DIGEST, None, word, None, "the archive", "the config", cite),
            ("chainID", n, DIGEST, DIGEST, "yes", 100, "two digests", "nothing", cite),
        ]
    return rows


def _isolation(word, many):
    return [
        ("namespace", "user", "1", "1", "yes", "user and group ids"),
        ("namespace", "mnt", "2", "3", "no", "the tree of mounts"),
        *(("mount", f"/{word}", word, f"/{word}", "yes", f"ro from {word}") for _ in range(many)),
    ]


def _limits(_word):
    return [
        ("memory", 95, 100, 97, "bytes", "95 B of 100 B", "linux.resources.memory.limit", "x"),
        ("processes", 2, None, None, "processes", "2", "linux.resources.pids.limit", "pids.max"),
    ]


def _comparison(word, many):
    return [
        *(("layer", f"layer {n}", word, "", "no", None, None) for n in _numbers(many)),
        *(("config", word, word, word, "yes", None, None) for _ in range(many)),
        ("step", "1 create", "1 ms", "2 ms", "", 0.001, 0.002),
    ]
