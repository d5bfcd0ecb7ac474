"""The diagram of a conversation: every party a line, every exchange a row, secrets nowhere."""

from __future__ import annotations

from xml.etree import ElementTree

from ocinb.conversation import conversation
from ocinb.events import Exchange
from ocinb.notebook.diagrams.conversation import conversation_diagram

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>&'
BLOB = "http://r.example/v2/app/blobs/sha256:" + "a" * 64


def drawn(*exchanges):
    return conversation_diagram(conversation(exchanges))


def exchange(url="http://r.example/v2/app/manifests/1", *, at=1.0, **values):
    values = {"method": "GET", "endpoint": "end-3", "status": 200, "seconds": 0.5, **values}
    return Exchange(url=url, time=at + 0.5, **values)


def texts(diagram):
    root = ElementTree.fromstring(diagram.svg)
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def test_each_party_has_a_line_and_each_exchange_a_row():
    token = {"endpoint": "", "party": "token server"}
    shown = texts(
        drawn(
            exchange(status=401, response_bytes=72),
            exchange("http://auth.example/token?service=x", at=2, **token),
            exchange("http://m.example/v2/app/blobs/x", at=3, endpoint="end-2", party="mirror"),
            exchange(BLOB, at=4, endpoint="end-2", response_bytes=30_000_000, reused=True),
        )
    )
    assert {"ocinb", "registry", "token server", "mirror"} <= {*shown}
    assert {"r.example", "auth.example", "m.example"} <= {*shown}
    assert shown.index("401") < shown.index("ask for a token") < shown.index("end-2: fetch a blob")
    assert "4 exchanges over 3 connections" in shown
    assert "↓ 30.0 MB  500 ms" in shown
    assert "3.00 s" in shown  # since the first began


def test_they_stand_in_the_order_in_which_they_began():
    late, early = exchange(at=5, method="PUT"), exchange(at=1, method="HEAD")
    shown = texts(drawn(late, early))
    assert shown.index("HEAD") < shown.index("PUT")
    assert "end-3: ask for a manifest" in shown


def test_what_failed_and_what_was_tried_again_is_told():
    diagram = drawn(
        exchange(status=0, error="ConnectError: refused"),
        exchange(at=2, status=200, error="ReadError: cut", attempt=2),
        exchange(at=3, status=503, attempt=3),
    )
    shown = texts(diagram)
    assert {"no answer", "200, cut", "503", "attempt 2", "attempt 3"} <= {*shown}
    assert "3 exchanges over 3 connections, 2 of them tried again" in shown
    assert "GET app/manifests/1: 503 (attempt 3)" in diagram.alt


def test_a_long_conversation_loses_its_middle():
    diagram = drawn(*(exchange(at=n) for n in range(200)))
    assert "… 120 more exchanges …" in texts(diagram)
    assert texts(diagram).count("200") == 80
    assert len(diagram.data) == 200


def test_what_a_registry_says_is_never_markup():
    diagram = drawn(exchange(f"http://r.example/v2/{HOSTILE}", error=HOSTILE))
    assert not [e for e in ElementTree.fromstring(diagram.svg).iter() if "script" in e.tag]
    assert "<script" not in diagram.html


def test_nothing_leaves_the_sheet_however_many_parties_there_are():
    diagram = drawn(*(exchange(f"http://host-{n}.example/v2/", at=n) for n in range(7)))
    for rect in ElementTree.fromstring(diagram.svg).iter(f"{SVG}rect"):
        assert float(rect.get("x")) >= 0
        assert float(rect.get("x")) + float(rect.get("width")) <= 800


def test_the_same_rows_give_the_same_bytes_for_light_and_dark_pages():
    rows = [exchange(), exchange(BLOB, at=2)]
    assert drawn(*rows).svg == drawn(*rows).svg
    assert "@media (prefers-color-scheme:dark)" in drawn(*rows).svg


def test_no_conversation_can_be_drawn():
    assert "0 exchanges over 0 connections" in texts(drawn())
