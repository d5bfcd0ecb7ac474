"""The registry as a function from request to response.

It knows nothing of sockets: ``serve`` puts it on one, tests call it directly.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

from ocinb.content.gc import GRACE, Garbage, collect
from ocinb.content.store import Store
from ocinb.errors import StorageError
from ocinb.registry import blobs, discovery, manifests, tokens, uploads
from ocinb.registry.access import Access, needed_scopes
from ocinb.registry.call import Call, Storage, check_name
from ocinb.registry.messages import Refusal, Request, Response, json_response
from ocinb.registry.pull_through import PullThrough, Upstream
from ocinb.registry.repositories import repositories
from ocinb.registry.routes import Route, route
from ocinb.registry.upload_sessions import Sessions
from ocinb.spec.distribution import ErrorCode

Handler = Callable[[Call], Response]


def ping(_: Call) -> Response:
    """end-1: yes, this is a registry.

    Spec: distribution-spec spec.md#determining-support
    """
    return json_response({})


HANDLERS: dict[str, Handler] = {
    "end-1": ping,
    "end-2": blobs.get_blob,
    "end-3": manifests.get_manifest,
    "end-4a": uploads.start_upload,
    "end-4b": uploads.push_at_once,
    "end-5": uploads.push_chunk,
    "end-6": uploads.close_upload,
    "end-7": manifests.put_manifest,
    "end-8a": discovery.list_tags,
    "end-8b": discovery.list_tags,
    "end-9": manifests.delete_manifest,
    "end-10": blobs.delete_blob,
    "end-11": uploads.mount_or_start,
    "end-12a": discovery.list_referrers,
    "end-12b": discovery.list_referrers,
    "end-13": uploads.upload_status,
    "end-14": uploads.cancel_upload,
    "_catalog": discovery.list_repositories,
}
"""Row of the endpoint table → the function that answers it."""

EXPIRY_INTERVAL = 3600.0
"""Seconds between looks for uploads that were given up."""

READING = frozenset({"GET", "HEAD"})


class Registry:
    """A registry over a directory.

    Attributes:
        store: its content, also an OCI image layout.

    Raises:
        StorageError: the directory cannot be made or read.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        read_only: bool = False,
        minimum_chunk: int = 0,
        access: Access | None = None,
        upstream: Upstream | None = None,
    ) -> None:
        """Open or make a registry.

        Args:
            root: its directory.
            read_only: refuse whatever would change it.
            minimum_chunk: bytes announced as the least size of a chunk; 0 for none.
            access: who may do what; None lets everybody do everything.
            upstream: another registry, from which comes what this one has not; such a cache is
                read-only.
        """
        root = Path(root)
        self.store = Store(root)
        self._storage = Storage(self.store, root / "repositories", Sessions())
        self._read_only = read_only or upstream is not None
        self._access = access
        self._pull_through = PullThrough(upstream) if upstream else None
        self._minimum_chunk = minimum_chunk
        self._next_expiry = time.monotonic()

    def handle(self, request: Request) -> Response:
        """Answer one request. Whatever a client sends, the answer is not a 5xx but for a disk
        that refuses (507).
        """
        endpoint = ""
        if request.path == tokens.PATH and isinstance(self._access, tokens.TokenServer):
            return self._access.handle(request)
        try:
            found = route(request)
            endpoint = found.endpoint.id
            response = self._answer(request, found)
        except Refusal as refusal:
            response = refusal.response()
        except StorageError as error:
            response = Refusal(507, ErrorCode.DENIED, error.message).response()
        response.endpoint = endpoint
        response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
        if request.method == "HEAD":
            response.body = b""
        return response

    def collect_garbage(self, *, grace: float = GRACE, dry_run: bool = False) -> Garbage:
        """Remove blobs and manifests that belong to no repository any longer, as after deletes.

        Safe while requests are answered. For ``grace`` see ``ocinb.content.gc.collect``.
        """
        found = repositories(self._storage.repositories)
        roots = [d for r in found for d in itertools.chain(r.blobs(), r.manifests())]
        return collect(self.store, roots=roots, grace=grace, dry_run=dry_run)

    def _expire_uploads(self) -> None:
        """Once an hour, remove the uploads that nobody goes on with."""
        if time.monotonic() >= self._next_expiry:
            self._next_expiry = time.monotonic() + EXPIRY_INTERVAL
            uploads.expire(self._storage)

    def _answer(self, request: Request, found: Route) -> Response:
        if found.name:
            check_name(found.name)
        if self._access:
            self._access.check(request, needed_scopes(request, found))
        if self._read_only and request.method not in READING:
            raise Refusal(405, ErrorCode.UNSUPPORTED, "this registry is read-only")
        if request.method == "POST":
            self._expire_uploads()
        call = Call(
            request=request,
            endpoint=found.endpoint,
            storage=self._storage,
            repository=self._storage.repository(found.name),
            reference=found.reference,
            open=self._access is None,
            minimum_chunk=self._minimum_chunk,
        )
        fetched = self._pull_through and self._pull_through.answer(call)
        return fetched or HANDLERS[found.endpoint.id](call)
