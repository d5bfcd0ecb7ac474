"""From method and path to a row of the specification's endpoint table."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ocinb.frozen import Frozen
from ocinb.registry.messages import Refusal, Request
from ocinb.spec.distribution import ENDPOINTS, Endpoint, ErrorCode

CATALOG = Endpoint(
    id="_catalog",
    methods=("GET",),
    path="/v2/_catalog",
    success=(200,),
    failure=(404,),
    purpose="list repositories",
)
"""Spec: none (Docker convention)"""


class Route(Frozen):
    """A row of the table with what stood in its path.

    Attributes:
        endpoint: the row.
        name: the repository, not checked yet; empty where the path has none.
        reference: the digest, tag or upload; empty where the path has none.
    """

    endpoint: Endpoint
    name: str = ""
    reference: str = ""


def _pattern(path: str) -> re.Pattern[str]:
    pattern = re.escape(path).replace("<name>", "(?P<name>.+)")
    pattern = re.sub("<(reference|digest)>", "(?P<reference>[^/]+)", pattern)
    return re.compile(re.sub("/$", "/?", pattern), re.DOTALL)


def _rows(endpoints: Iterable[Endpoint]) -> list[tuple[re.Pattern[str], list[Endpoint]]]:
    paths: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, []).append(endpoint)
    # "uploads" must not be taken for a digest, so longer fixed paths are tried first.
    ordered = sorted(paths, key=lambda path: "uploads" not in path)
    return [(_pattern(path), paths[path]) for path in ordered]


_TABLE = _rows((CATALOG, *ENDPOINTS))


def route(request: Request) -> Route:
    """The endpoint that a request means.

    Where several rows share method and path, the one most of whose query parameters are there.

    Raises:
        Refusal: 404 for a path of no endpoint, 405 for a method that the path has not.

    Spec: distribution-spec spec.md#endpoints
    """
    for pattern, rows in _TABLE:
        match = pattern.fullmatch(request.path)
        if not match:
            continue
        candidates = [row for row in rows if request.method in row.methods]
        if not candidates:
            allowed = ", ".join(dict.fromkeys(method for row in rows for method in row.methods))
            raise Refusal(
                405,
                ErrorCode.UNSUPPORTED,
                f"{request.method} is not a method of {rows[0].path}",
                headers={"Allow": allowed},
            )
        given = {key for key, _ in request.query}
        return Route(
            endpoint=max(candidates, key=lambda row: len(given & set(row.query))),
            **{key: value or "" for key, value in match.groupdict().items()},
        )
    raise Refusal(404, ErrorCode.UNSUPPORTED, "there is no such endpoint")
