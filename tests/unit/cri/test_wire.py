"""The messages of the CRI: what goes over the wire, and the table that it is made of."""

from __future__ import annotations

import pytest

from ocinb.cri.client import Client, told
from ocinb.cri.messages import ENUMS, SERVICES
from ocinb.cri.wire import declared, enum_name, message, method
from ocinb.errors import CriError


def test_a_request_is_the_bytes_that_protocol_buffers_prescribe():
    request = message("RunPodSandboxRequest")(
        config={"metadata": {"name": "x"}, "labels": {"a": "b"}}, runtime_handler="ocinb"
    )
    # field 1, a message: { field 1, a message: { field 1: "x" }, field 6, an entry: a, b }
    assert request.SerializeToString() == (
        b"\x0a\x0d\x0a\x03\x0a\x01x\x32\x06\x0a\x01a\x12\x01b\x12\x05ocinb"
    )


def test_what_a_newer_runtime_adds_is_no_error():
    status = message("ContainerStatus").FromString(b"\x0a\x01c\xfa\x07\x03new")
    assert status.id == "c"


def test_every_message_and_method_can_be_made():
    for name, _ in declared():
        assert message(name)().SerializeToString() == b""
    for names in SERVICES.values():
        for name in names.split():
            address, asked, answered = method(name)
            assert address.startswith("/runtime.v1.")
            assert asked is not answered


def test_no_message_has_a_number_or_a_name_twice():
    for name, fields in declared():
        numbers = [number for *_, number in fields]
        assert len(set(numbers)) == len(numbers), name
        assert len({field for field, *_ in fields}) == len(fields), name


def test_types_of_fields_are_declared():
    known = {name for name, _ in declared()} | set(ENUMS)
    known |= {"string", "bytes", "bool", "int32", "uint32", "int64", "uint64", "map"}
    for name, fields in declared():
        assert {kind for _, kind, _, _ in fields} <= known, name


def test_a_value_that_is_newer_than_ours_is_its_number():
    assert enum_name("ContainerState", 1) == "CONTAINER_RUNNING"
    assert enum_name("ContainerState", 9) == "9"


def test_secrets_are_not_recorded():
    request = message("PullImageRequest")(
        image={"image": "demo"}, auth={"username": "ann", "password": "correct-horse"}
    )
    shown = told(request)
    assert "correct-horse" not in shown
    assert "ann" in shown
    assert request.auth.password == "correct-horse"


def test_nobody_answers(tmp_path):
    with Client(f"unix://{tmp_path}/sock") as call, pytest.raises(CriError) as caught:
        call("Version")
    assert "nobody answers" in caught.value.message
    assert caught.value.code == "UNAVAILABLE"


def test_a_field_that_is_not_there(tmp_path):
    with Client(str(tmp_path / "sock")) as call, pytest.raises(CriError, match="does not take"):
        call("Version", nosuch=1)
