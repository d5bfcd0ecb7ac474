"""The requests of the endpoint table, before they are sent.

Spec: distribution-spec spec.md#endpoints
"""

from __future__ import annotations

from collections.abc import Mapping

from ocinb.distribution.auth import Access, Authority
from ocinb.distribution.hosts import Source
from ocinb.distribution.manifests import ACCEPT
from ocinb.distribution.outgoing import Body, Outgoing
from ocinb.spec.digest import Digest

PULL, PUSH, DELETE = "pull", "pull,push", "delete,pull"


class Calls:
    """Makes requests, each with the access that it needs."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def ping(self, source: Source) -> Outgoing:
        """end-1"""
        return self._call("GET", source, "end-1", "", "", scopes=())

    def catalog(self, source: Source, query: Mapping[str, str]) -> Outgoing:
        """The list of repositories. Spec: none (Docker convention)"""
        scopes = ("registry:catalog:*",)
        return self._call("GET", source, "", "_catalog", "", scopes=scopes, query=query)

    def manifest(
        self, method: str, source: Source, selector: str, body: Body | None = None, media: str = ""
    ) -> Outgoing:
        """end-3, end-7 or end-9, by the method."""
        endpoint = {"PUT": "end-7", "DELETE": "end-9"}.get(method, "end-3")
        return self._repository(
            method,
            source,
            endpoint,
            f"manifests/{selector}",
            subject=selector,
            headers={"content-type": media} if media else {"accept": ACCEPT},
            body=body,
        )

    def blob(self, method: str, source: Source, digest: Digest, start: int = 0) -> Outgoing:
        """end-2 or end-10, by the method; from ``start`` on."""
        return self._repository(
            method,
            source,
            "end-10" if method == "DELETE" else "end-2",
            f"blobs/{digest}",
            subject=digest,
            headers={"range": f"bytes={start}-"} if start else {},
        )

    def upload(
        self, source: Source, mount: Digest | None, from_repository: str | None, algorithm: str
    ) -> Outgoing:
        """end-4a, or end-11 with ``mount``."""
        query = {"digest-algorithm": algorithm} if algorithm != "sha256" else {}
        scopes = [_scope(source.repository, PUSH)]
        if mount:
            query["mount"] = mount
            if from_repository:
                query["from"] = from_repository
                scopes.append(_scope(from_repository, PULL))
        return self._repository(
            "POST",
            source,
            "end-11" if mount else "end-4a",
            "blobs/uploads/",
            query=query,
            scopes=tuple(scopes),
        )

    def tags(self, source: Source, query: Mapping[str, str]) -> Outgoing:
        """end-8a or end-8b, by the query."""
        return self._repository(
            "GET", source, "end-8b" if query else "end-8a", "tags/list", query=query
        )

    def referrers(self, source: Source, digest: Digest, artifact_type: str | None) -> Outgoing:
        """end-12a, or end-12b with a type."""
        return self._repository(
            "GET",
            source,
            "end-12b" if artifact_type else "end-12a",
            f"referrers/{digest}",
            subject=digest,
            query={"artifactType": artifact_type} if artifact_type else {},
        )

    def _repository(
        self,
        method: str,
        source: Source,
        endpoint: str,
        path: str,
        *,
        subject: str = "",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        scopes: tuple[str, ...] | None = None,
    ) -> Outgoing:
        actions = DELETE if method == "DELETE" else PUSH if method in ("POST", "PUT") else PULL
        return self._call(
            method,
            source,
            endpoint,
            f"{source.repository}/{path}",
            f"{source.repository} {subject}".strip(),
            scopes=scopes or (_scope(source.repository, actions),),
            headers=headers,
            query=query,
            body=body,
        )

    def _call(
        self,
        method: str,
        source: Source,
        endpoint: str,
        path: str,
        subject: str,
        *,
        scopes: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Outgoing:
        url = source.base.copy_with(path=f"/v2/{path}")
        access = Access(registry=source.registry, repository=source.repository, scopes=scopes)
        return Outgoing(
            method=method,
            url=url.copy_merge_params(dict(query)) if query else url,
            endpoint=endpoint,
            registry=source.registry,
            party="mirror" if source.is_mirror else "registry",
            subject=subject,
            headers=headers or {},
            body=body,
            auth=self._authority.auth(access),
        )


def _scope(repository: str, actions: str) -> str:
    return f"repository:{repository}:{actions}"
