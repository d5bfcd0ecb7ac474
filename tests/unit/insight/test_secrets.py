"""What looks like a secret, and what does not."""

from __future__ import annotations

import pytest

from ocinb.insight.secrets import by_content, by_name


@pytest.mark.parametrize(
    "path",
    [
        "root/.ssh/id_ed25519",
        "etc/ssh/ssh_host_rsa_key",
        "app/.env",
        "app/.env.production",
        "root/.aws/credentials",
        "root/.docker/config.json",
        "srv/service-account.json",
        "home/a/.git-credentials",
        "root/.bash_history",
        "keys/server.p12",
    ],
)
def test_names(path):
    assert by_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "root/.ssh/id_ed25519.pub",
        "etc/ssl/certs/ca.pem",
        "etc/passwd",
        "usr/lib/python3/secrets.py",
        "usr/share/doc/credentials.html",
        "environment",
    ],
)
def test_names_of_everyday_files(path):
    assert by_name(path) == ""


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nMIIE",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "key = AKIA" + "A1B2" * 4,
        "ghp_" + "a1B2" * 9,
        "//registry.npmjs.org/:_authToken=0123456789",
        "DB_PASSWORD: correct-horse",
        "password = 'hunter2hunter2'",
    ],
)
def test_contents(text):
    assert by_content(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN PUBLIC KEY-----",
        b"password=$PASSWORD",
        b"password: <your password>",
        b"\x7fELF\0-----BEGIN PRIVATE KEY-----",
    ],
)
def test_contents_that_are_none(data):
    assert by_content(data) == ""
