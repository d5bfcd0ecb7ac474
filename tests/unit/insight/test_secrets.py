"""What looks like a secret, and what does not."""

from __future__ import annotations

import pytest

from ocinb.insight.secrets import by_content, by_line, by_name, by_variable


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
        "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "SECRET_ACCESS_KEY: abcdefgh",
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("PASSWORD", "x"),
        ("mysql_root_password", "tiger"),
        ("GITHUB_TOKEN", "short"),
        ("X", "ghp_" + "a1B2" * 9),
        ("STRIPE_API_KEY", "k"),
    ],
)
def test_variables(name, value):
    assert by_variable(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("PASSWORD", ""),
        ("PASSWORD", "$SECRET"),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/postgres"),
        ("TOKEN_URL", "https://example.com/token"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D"),
        ("PYTHON_SHA256", "0123456789abcdef"),
    ],
)
def test_everyday_variables(name, value):
    assert by_variable(name, value) == ""


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("ENV SHOP_PASSWORD=hunter2", True),
        ("RUN |1 TOKEN='abc' /bin/sh -c make", True),
        ("/bin/sh -c curl -H 'Authorization: Bearer ghp_" + "a1B2" * 9 + "'", True),
        ("RUN TOKEN=$(cat /run/secrets/token) make", False),
        ("ARG TOKEN=", False),
        ("ENV PATH=/usr/bin GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", False),
        ('CMD ["redis-server", "--token-file=/t"]', False),
    ],
)
def test_lines_of_history(line, secret):
    assert bool(by_line(line)) is secret
