"""Lists: tags, referrers, repositories.

Spec: distribution-spec spec.md#content-discovery
"""

from __future__ import annotations

from typing import Any

import msgspec

from ocinb.registry.call import Call, next_page, page_size
from ocinb.registry.messages import Refusal, Response, json_response
from ocinb.registry.repositories import repositories, tag_order
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.distribution import ErrorCode
from ocinb.spec.document import MAX_DOCUMENT, encode

CATALOG_PAGE = 1000


def list_tags(call: Call) -> Response:
    """end-8a and end-8b: tags, all of them or the ``n`` after ``last``.

    Spec: distribution-spec spec.md#listing-tags
    """
    repository = call.repository
    if not repository.exists():
        raise Refusal(404, ErrorCode.NAME_UNKNOWN, detail={"name": repository.name})
    return tag_page(call, repository.tags())


def tag_page(call: Call, tags: list[str]) -> Response:
    """The part of these tags, in ``tag_order``, that is asked for."""
    repository, size, last = call.repository, page_size(call), call.request.parameter("last")
    if last:
        tags = [tag for tag in tags if tag_order(tag) > tag_order(last)]
    page = tags if size is None else tags[:size]
    response = json_response({"name": repository.name, "tags": page})
    if page and len(page) < len(tags):
        path = f"/v2/{repository.name}/tags/list"
        response.headers["Link"] = next_page(path, {"n": str(size), "last": page[-1]})
    return response


def list_repositories(call: Call) -> Response:
    """The names of repositories, ``n`` at a time. Spec: none (Docker convention)"""
    size, last = page_size(call, CATALOG_PAGE), call.request.parameter("last") or ""
    assert size is not None  # it has a default here
    names = sorted(repository.name for repository in repositories(call.storage.repositories))
    rest = [name for name in names if name > last]
    page = rest[:size]
    response = json_response({"repositories": page})
    if page and len(page) < len(rest):
        response.headers["Link"] = next_page("/v2/_catalog", {"n": str(size), "last": page[-1]})
    return response


def list_referrers(call: Call) -> Response:
    """end-12a and end-12b: an index of the manifests that have this digest as their subject.

    Never 404: of what nobody refers to, and of what is not there, the list is empty.

    Spec: distribution-spec spec.md#listing-referrers
    """
    return referrer_page(call, call.repository.referrers(call.digest()))


def referrer_page(call: Call, found: list[Descriptor]) -> Response:
    """The part of these descriptors, in the order of their digests, that is asked for."""
    digest = call.digest()
    wanted = [kind for kind in call.request.parameters("artifactType") if kind]
    if wanted:
        found = [descriptor for descriptor in found if descriptor.artifact_type in wanted]
    last = call.request.parameter("last") or ""
    found = [descriptor for descriptor in found if descriptor.digest > last]
    page: list[dict[str, Any]] = []
    room = MAX_DOCUMENT - 200
    for descriptor in found:
        document = msgspec.to_builtins(descriptor, enc_hook=str)
        room -= len(encode(document)) + 1
        if page and room < 0:
            break
        page.append(document)
    index = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": page}
    response = json_response(index, media_type=media_types.IMAGE_INDEX)
    if wanted:
        response.headers["OCI-Filters-Applied"] = "artifactType"
    if len(page) < len(found):
        path = f"/v2/{call.repository.name}/referrers/{digest}"
        filters = {"artifactType": wanted[0]} if wanted else {}
        response.headers["Link"] = next_page(path, {**filters, "last": page[-1]["digest"]})
    return response
