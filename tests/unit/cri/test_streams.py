"""Streams of a program over a WebSocket, with a server that says what it likes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import struct
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from ocinb.cri.streams import execute
from ocinb.cri.websocket import WebSocket
from ocinb.errors import CriError

SUCCESS = b'\x03{"status": "Success"}'


def frame(data, opcode=2, final=True):
    head = bytes([(0x80 if final else 0) | opcode])
    size = len(data)
    if size < 126:
        return head + bytes([size]) + data
    if size < 65536:
        return head + b"\x7e" + struct.pack(">H", size) + data
    return head + b"\x7f" + struct.pack(">Q", size) + data


@contextmanager
def server(*answers, accept=True, heard=None):
    """Answers with these bytes, once it was shaken hands with."""

    def serve():
        connection, _ = listener.accept()
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)[1]
            digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            word = base64.b64encode(digest) if accept else b"wrong"
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + word + b"\r\n\r\n"
            )
            for answer in answers:
                connection.sendall(answer)
            while data := connection.recv(4096):
                if heard is not None:
                    heard.append(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/exec/token"
        thread.join(10)


def run(url, **more):
    said = []

    def client(name, **_):
        assert name == "Exec"
        return SimpleNamespace(url=url)

    status = execute(client, "c", ["x"], lambda data, stream: said.append((stream, data)), **more)
    return status, said


def test_output_and_errors_and_a_status():
    failed = (
        b'\x03{"status": "Failure", "reason": "NonZeroExitCode", "details": '
        b'{"causes": [{"reason": "ExitCode", "message": "7"}]}}'
    )
    with server(frame(b"\x01"), frame(b"\x01hi"), frame(b"\x02oops"), frame(failed)) as url:
        assert run(url) == (7, [(1, b"hi"), (2, b"oops")])


def test_messages_of_every_size_in_pieces_with_pings_between():
    long = os.urandom(70_000)
    answers = (
        frame(b"\x01" + b"x" * 200),
        frame(b"\x01be", final=False) + frame(b"?", 9) + frame(b"gin", 0),
        frame(b"\x01" + long),
        frame(SUCCESS),
    )
    with server(*answers) as url:
        status, said = run(url)
    assert status == 0
    assert b"".join(data for _, data in said) == b"x" * 200 + b"begin" + long


def test_input_is_masked_and_goes_over_its_channel():
    source, end = os.pipe()
    os.write(end, b"typed")
    os.close(end)
    heard = []
    with server(heard=heard) as url, WebSocket(url, ["p"]) as stream:
        stream.send(b"\x00typed")
    os.close(source)
    data = b"".join(heard)
    mask, body = data[2:6], data[6:]
    assert data[:2] == bytes([0x82, 0x80 | 6])
    assert bytes(b ^ mask[n % 4] for n, b in enumerate(body)) == b"\x00typed"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "broke off"),
        (frame(b"", 8), "broke off"),
        (frame(b"\x03not json"), "not a status"),
        (frame(b'\x03{"status": "Failure", "message": "no such program"}'), "no such program"),
        (b"\x82\x7f" + struct.pack(">Q", 2**40), "too large"),
    ],
)
def test_what_breaks_off_or_makes_no_sense_is_one_sentence(answer, said):
    @contextmanager
    def ending():
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve():
                connection, _ = listener.accept()
                with connection:
                    request = connection.recv(4096)
                    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)[1]
                    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
                    connection.sendall(
                        b"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: "
                        + base64.b64encode(digest)
                        + b"\r\n\r\n"
                        + answer
                    )

            thread = threading.Thread(target=serve)
            thread.start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
            thread.join(10)

    with ending() as url, pytest.raises(CriError, match=said):
        run(url)


def test_a_server_that_is_none():
    with server(accept=False) as url, pytest.raises(CriError, match="serves no streams"):
        run(url)
    with pytest.raises(CriError, match="nobody serves streams"):
        run("http://127.0.0.1:1/x")
    with pytest.raises(CriError, match="not plain HTTP"):
        run("https://127.0.0.1/x")
