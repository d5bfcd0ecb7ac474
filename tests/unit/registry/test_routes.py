"""From method and path to a row of the endpoint table."""

from __future__ import annotations

import pytest

from ocinb.registry.app import HANDLERS
from ocinb.registry.messages import Refusal, Request
from ocinb.registry.routes import route
from ocinb.spec.distribution import ENDPOINTS


def test_every_row_of_the_table_has_its_function() -> None:
    assert {endpoint.id for endpoint in ENDPOINTS} <= set(HANDLERS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.id)
def test_every_row_is_found_by_its_own_path(endpoint) -> None:
    path = endpoint.path.replace("<name>", "a/b")
    path = path.replace("<digest>", "sha256:1").replace("<reference>", "ref")
    query = [(key, "x") for key in endpoint.query]
    for method in endpoint.methods:
        found = route(Request(method, path, query))
        assert found.endpoint == endpoint
        assert found.name == ("a/b" if "<name>" in endpoint.path else "")


@pytest.mark.parametrize(
    ("path", "name", "reference"),
    [
        ("/v2/blobs/manifests/tags", "blobs", "tags"),
        ("/v2/a/manifests/b/manifests/c", "a/manifests/b", "c"),
        ("/v2/a/blobs/uploads/blobs/uploads/x", "a/blobs/uploads", "x"),
        ("/v2/a/tags/list/tags/list", "a/tags/list", ""),
        ("/v2/uploads/blobs/uploads", "uploads", ""),
    ],
)
def test_names_may_have_components_that_look_like_endpoints(path, name, reference) -> None:
    method = "POST" if path.endswith("uploads") else "GET"
    found = route(Request(method, path))
    assert (found.name, found.reference) == (name, reference)


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with pytest.raises(Refusal) as caught:
        route(Request("POST", "/v2/a/blobs/sha256:1"))
    response = caught.value.response()
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD, DELETE"


@pytest.mark.parametrize(
    "path", ["/", "/v1/", "/v2/a", "/v2/a/b", "/v2/a/blobs/x/y", "/v2//blobs/"]
)
def test_what_is_no_endpoint_is_not_found(path) -> None:
    with pytest.raises(Refusal) as caught:
        route(Request("GET", path))
    assert caught.value.status == 404
