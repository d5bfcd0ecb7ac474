"""Who we are: challenges, tokens, and where credentials never go."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.distribution.challenge import challenges, preferred
from ocinb.distribution.client import Client
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.retry import RetryPolicy
from ocinb.errors import AuthenticationFailed, OcinbError, RegistryError
from ocinb.events import Exchange, Recorder
from ocinb.spec.digest import digest_of
from ocinb.spec.reference import Reference

SECRET = "correct-horse"
LOGIN = Login(username="ann", password=SECRET)
REFERENCE = Reference.parse("registry.example/team/app:1")
BEARER = 'Bearer realm="https://auth.example/token",service="registry.example"'


class World:
    """A registry that wants tokens, and its token server, without sockets."""

    def __init__(self, challenge: str = BEARER) -> None:
        self.challenge = challenge
        self.asked: list[httpx.Request] = []
        self.granted: dict[str, object] = {"expires_in": 300}
        self.tokens = 0
        self.valid: set[str] = set()
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(
            httpx.Request(
                request.method, request.url, headers=request.headers, content=request.content
            )
        )
        if request.url.host == "auth.example":
            if self.answer:
                return self.answer(request)
            self.tokens += 1
            token = f"token-{self.tokens}"
            self.valid.add(f"Bearer {token}")
            return httpx.Response(200, json={"token": token, **self.granted})
        if request.headers.get("authorization") in self.valid:
            return httpx.Response(200, json={"tags": ["1"]})
        return httpx.Response(401, headers={"www-authenticate": self.challenge})

    @property
    def token_requests(self) -> list[httpx.Request]:
        return [request for request in self.asked if request.url.host == "auth.example"]

    def client(self, login: Login | None = None, **options: object) -> Client:
        credentials = FixedLogin("registry.example", login) if login else None
        return Client(
            transport=httpx.MockTransport(self),
            credentials=credentials,
            policy=RetryPolicy(attempts=2, first_delay=0.001),
            **options,  # type: ignore[arg-type]
        )


def test_a_public_repository_is_read_with_an_anonymous_token() -> None:
    world = World()
    client = world.client()
    assert client.tags(REFERENCE) == ["1"]
    (asked,) = world.token_requests
    assert asked.url.params["service"] == "registry.example"
    assert asked.url.params["scope"] == "repository:team/app:pull"
    assert "authorization" not in asked.headers
    assert "account" not in asked.url.params


def test_a_token_is_used_until_it_ends_and_for_its_scope_only() -> None:
    world = World()
    client = world.client()
    for _ in range(3):
        client.tags(REFERENCE)
    assert world.tokens == 1
    client.tags(Reference.parse("registry.example/other/app:1"))
    assert world.tokens == 2


def test_an_old_token_is_renewed_before_it_is_refused() -> None:
    world = World()
    world.granted = {"expires_in": 1}  # less than the margin
    client = world.client()
    client.tags(REFERENCE)
    client.tags(REFERENCE)
    assert world.tokens == 2
    refusals = [request for request in world.asked if request.url.host == "registry.example"]
    assert len(refusals) == 3  # only the first was a 401


def test_a_token_that_is_refused_is_replaced_once() -> None:
    world = World()
    client = world.client()
    client.tags(REFERENCE)
    world.valid.clear()
    assert client.tags(REFERENCE) == ["1"]
    assert world.tokens == 2


def test_the_password_goes_to_the_token_server_and_not_to_the_registry() -> None:
    world = World()
    world.client(LOGIN).tags(REFERENCE)
    (asked,) = world.token_requests
    assert asked.headers["authorization"] == LOGIN.basic
    assert asked.url.params["account"] == "ann"
    for request in world.asked:
        if request.url.host == "registry.example":
            assert "Basic" not in request.headers.get("authorization", "")


def test_an_identity_token_is_exchanged_by_post() -> None:
    world = World()
    world.client(Login(username="", identity_token="identity")).tags(REFERENCE)
    (asked,) = world.token_requests
    form = parse_qs(asked.content.decode())
    assert asked.method == "POST"
    assert form["grant_type"] == ["refresh_token"]
    assert form["refresh_token"] == ["identity"]
    assert form["scope"] == ["repository:team/app:pull"]
    assert form["client_id"] == ["ocinb"]


def test_a_refresh_token_renews_without_the_password() -> None:
    world = World()
    world.granted = {"expires_in": 1, "refresh_token": "refresh"}
    client = world.client(LOGIN)
    client.tags(REFERENCE)
    client.tags(REFERENCE)
    first, second = world.token_requests
    assert (first.method, second.method) == ("GET", "POST")
    assert parse_qs(second.content.decode())["refresh_token"] == ["refresh"]


def test_a_token_server_that_only_knows_post_gets_one() -> None:
    world = World()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(405)
        assert parse_qs(request.content.decode())["password"] == [SECRET]
        world.valid.add("Bearer t")
        return httpx.Response(200, json={"access_token": "t"})

    world.answer = answer
    assert world.client(LOGIN).tags(REFERENCE) == ["1"]


def test_basic_credentials_are_sent_once_they_are_asked_for() -> None:
    world = World('Basic realm="here"')
    world.valid.add(LOGIN.basic)
    client = world.client(LOGIN)
    client.tags(REFERENCE)
    client.tags(REFERENCE)
    sent = [request.headers.get("authorization") for request in world.asked]
    assert sent == [None, LOGIN.basic, LOGIN.basic]


@pytest.mark.parametrize("challenge", ['Basic realm="here"', BEARER])
@pytest.mark.parametrize("login", [None, LOGIN])
def test_who_is_not_accepted_is_told_how_to_log_in(challenge: str, login: Login | None) -> None:
    world = World(challenge)
    world.answer = lambda request: httpx.Response(401, json={"errors": []})
    with pytest.raises(AuthenticationFailed) as raised:
        world.client(login).tags(REFERENCE)
    expected = "does not accept the login of ann" if login else "wants a login"
    assert f"registry registry.example {expected}" in raised.value.message
    assert "ocinb login registry.example" in (raised.value.hint or "")
    assert SECRET not in f"{raised.value} {raised.value.hint}"


BAD_REALMS = [
    ("http://auth.example/token", "by plain http"),
    ("file:///etc/passwd", "not a URL of http or https"),
    ("/token", "not a URL of http or https"),
    ("https://[::", "not a URL"),
]


@pytest.mark.parametrize(("realm", "why"), BAD_REALMS)
def test_a_realm_that_is_not_sensible_is_not_asked(realm: str, why: str) -> None:
    world = World(f'Bearer realm="{realm}",service="s"')
    with pytest.raises(AuthenticationFailed, match=why):
        world.client(LOGIN).tags(REFERENCE)
    assert all("authorization" not in request.headers for request in world.asked)
    assert not world.token_requests


def test_a_plain_registry_may_name_a_token_server_on_its_own_host_only() -> None:
    plain = Hosts(insecure=["registry.example"])
    own = World('Bearer realm="http://registry.example:5001/token"')
    with pytest.raises(AuthenticationFailed):  # World answers 401 to it: it was asked
        own.client(LOGIN, hosts=plain).tags(REFERENCE)
    assert own.asked[-1].url.port == 5001
    foreign = World('Bearer realm="http://auth.example/token"')
    with pytest.raises(AuthenticationFailed, match="another host"):
        foreign.client(LOGIN, hosts=plain).tags(REFERENCE)
    assert not foreign.token_requests


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"token":""}', b'{"token":5}', b'{"token":"a b"}', b'{"token":"a\\r\\nx:y"}'],
)
def test_what_is_no_token_is_not_used(body: bytes) -> None:
    world = World()
    world.answer = lambda request: httpx.Response(200, content=body)
    with pytest.raises(AuthenticationFailed, match="without a usable token"):
        world.client().tags(REFERENCE)


def test_a_token_server_that_is_busy_is_asked_again() -> None:
    world = World()
    answers = iter([httpx.Response(503)])
    granted = httpx.Response(200, json={"token": "t"})
    world.valid.add("Bearer t")
    world.answer = lambda request: next(answers, granted)
    assert world.client().tags(REFERENCE) == ["1"]


def test_credentials_do_not_follow_a_redirect_to_another_host() -> None:
    world = World('Basic realm="here"')
    content = b"blob"

    def answer(request: httpx.Request) -> httpx.Response:
        world.asked.append(request)
        if request.url.host == "cdn.example":
            return httpx.Response(200, content=content)
        if "authorization" not in request.headers:
            return httpx.Response(401, headers={"www-authenticate": world.challenge})
        return httpx.Response(307, headers={"location": "https://cdn.example/b?X-Amz-Signature=s3"})

    recorder = Recorder()
    client = Client(
        transport=httpx.MockTransport(answer),
        credentials=FixedLogin("registry.example", LOGIN),
        record=recorder,
    )
    with client.get_blob(REFERENCE, digest_of(content)) as (start, response):
        assert (start, response.read()) == (0, content)
    by_host = {request.url.host: request.headers.get("authorization") for request in world.asked}
    assert by_host == {"registry.example": LOGIN.basic, "cdn.example": None}
    told = repr(recorder.events)
    assert "s3" not in told
    assert LOGIN.basic not in told


def test_credentials_do_not_come_back_with_a_redirect_of_another_host() -> None:
    sent: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        known = "authorization" in request.headers
        sent.append((str(request.url), known))
        if request.url.host == "cdn.example":
            return httpx.Response(307, headers={"location": "https://registry.example/chosen"})
        if request.url.path == "/chosen":
            return httpx.Response(200, json={"tags": []})
        if known:
            return httpx.Response(307, headers={"location": "https://cdn.example/"})
        return httpx.Response(401, headers={"www-authenticate": "Basic"})

    credentials = FixedLogin("registry.example", LOGIN)
    Client(transport=httpx.MockTransport(answer), credentials=credentials).tags(REFERENCE)
    tags = "https://registry.example/v2/team/app/tags/list"
    assert sent == [
        (tags, False),
        (tags, True),
        ("https://cdn.example/", False),
        ("https://registry.example/chosen", False),
    ]


def test_a_redirect_from_https_down_to_http_is_not_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        return httpx.Response(307, headers={"location": "http://registry.example/elsewhere"})

    client = Client(transport=httpx.MockTransport(answer))
    with pytest.raises(RegistryError, match="from https down to http"):
        client.tags(REFERENCE)


def test_no_event_and_no_error_shows_a_secret() -> None:
    world = World()
    world.granted = {"expires_in": 1, "refresh_token": "refresh-secret"}
    recorder = Recorder()
    client = world.client(LOGIN, record=recorder)
    client.tags(REFERENCE)
    client.tags(REFERENCE)
    told = repr([*recorder.of(Exchange)]) + repr(LOGIN)
    encoded = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    for secret in (SECRET, encoded, "token-1", "token-2", "refresh-secret"):
        assert secret not in told
    assert "***" in told
    assert [exchange.endpoint for exchange in recorder.of(Exchange)] == [
        "end-8a", "", "end-8a", "", "end-8a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Bearer realm="r",service="s"'], [("bearer", {"realm": "r", "service": "s"})]),
        (["Basic"], [("basic", {})]),
        (['A x="a, b", B x="c"'], [("a", {"x": "a, b"}), ("b", {"x": "c"})]),
        (['Basic realm="say \\"hi\\""'], [("basic", {"realm": 'say "hi"'})]),
        (["Negotiate", "Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Bearer realm="open'], [("bearer", {})]),
        ([""], []),
    ],
)  # fmt: skip
def test_challenges_are_read_as_rfc_9110_has_them(
    headers: list[str], expected: list[tuple[str, dict[str, str]]]
) -> None:
    assert [(c.scheme, dict(c.parameters)) for c in challenges(headers)] == expected


def test_empty_elements_of_the_list_are_passed_over() -> None:
    """As RFC 9110 section 5.6.1 asks of whoever reads a list."""
    read = challenges(['Basic realm="x", , ,Bearer realm="y"'])
    assert [(one.scheme, one.parameters["realm"]) for one in read] == [
        ("basic", "x"),
        ("bearer", "y"),
    ]


@pytest.mark.parametrize(
    ("header", "scheme"),
    [
        ('Basic realm="x", Bearer realm="y"', "bearer"),
        ('Bearer service="s", Basic realm="x"', "basic"),
        ("Negotiate, Basic", "basic"),
        ('Negotiate realm="x"', None),
        ('Bearer service="s"', None),
    ],
)
def test_a_token_is_preferred_to_a_password(header: str, scheme: str | None) -> None:
    best = preferred(challenges([header]))
    assert (best.scheme if best else None) == scheme


@given(st.lists(st.text(), max_size=3))
def test_any_header_is_read_without_an_exception(headers: list[str]) -> None:
    preferred(challenges(headers))


@given(st.binary(max_size=200))
def test_any_token_document_is_a_token_or_an_error_of_ours(body: bytes) -> None:
    world = World()
    world.answer = lambda request: httpx.Response(200, content=body)
    with pytest.raises(OcinbError):
        world.client().tags(REFERENCE)
