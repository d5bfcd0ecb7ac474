"""What looks like a secret: files by their names and by what is written in them, variables.

A guess in both directions; it is for finding what deserves a look, not for proving that nothing
is there.
"""

from __future__ import annotations

import re

READ = 64 * 1024
"""Bytes at the start of a file that are looked at."""

_NAMES = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"(.*/)?id_(rsa|dsa|ecdsa|ed25519)(_sk)?", "a private key of SSH"),
        (r"(.*/)?ssh_host_\w+_key", "a host key of SSH"),
        (r"(.*/)?\.(netrc|pgpass|git-credentials|htpasswd|my\.cnf|s3cfg|vault-token)", "passwords"),
        (r"(.*/)?\.(npmrc|pypirc|dockercfg)", "logins to registries"),
        (r"(.*/)?\.docker/config\.json", "logins to registries"),
        (r"(.*/)?\.env(\.\w+)?", "an environment file"),
        (r"(.*/)?\.(aws|azure|gcloud)/.*(credential|token).*", "credentials of a cloud"),
        (r"(.*/)?(service[-_]?account|credentials?)\.json", "credentials of a cloud"),
        (r"(.*/)?(\.kube/config|kubeconfig)", "credentials of a cluster"),
        (r"(.*/)?[^/]*\.(p12|pfx|jks|keystore|kdbx)", "a key store"),
        (r"(.*/)?(private|secret)[-_.]?keys?([-_.][^/]*)?", "a private key"),
        (r"(.*/)?secrets?\.(ya?ml|json|toml|ini|env|txt)", "secrets"),
        (r"(.*/)?(passwords?|passwd)\.(txt|csv|json|ya?ml)", "passwords"),
        (r"(.*/)?\.(bash|zsh|ash|psql|mysql|python)_history", "typed commands"),
        (r"(.*/)?terraform\.tfstate(\.backup)?", "state of Terraform"),
    )
)

_CONTENTS = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (rb"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----", "a private key"),
        (rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", "an access key of AWS"),
        (rb"(?i)aws_secret_access_key[\"']?\s*[=:]\s*[\"']?[^\s\"'$<{]{30}", "a secret key of AWS"),
        (rb"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{40})", "a token of GitHub"),
        (rb"\bglpat-[0-9A-Za-z_-]{20}", "a token of GitLab"),
        (rb"\bxox[abprs]-[0-9A-Za-z-]{10}", "a token of Slack"),
        (rb"\bnpm_[0-9A-Za-z]{36}|_authToken\s*=\s*\S{8}", "a token of npm"),
        (rb"\bpypi-AgEI[0-9A-Za-z_-]{20}", "a token of PyPI"),
        (rb"\bAIza[0-9A-Za-z_-]{35}", "a key of Google"),
        (rb"\bsk_live_[0-9A-Za-z]{16}", "a key of Stripe"),
        (rb"(?i)(?<![a-z])(?:password|passwd|secret(?:_?(?:access_?)?key)?|api_?key|token)[\"']?\s*[=:]\s*[\"']?[^\s\"'$<{]{8}",
         "a password or token"),
    )
)  # fmt: skip


_VARIABLE = re.compile(
    r"(?:.*_)?(?:password|passwd|passphrase|secrets?|tokens?|credentials?|"
    r"(?:api|access|private|secret|secret_access|signing|encryption)_?keys?)(?:_.*)?",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=[\"']?([^\s\"']+)")
_POINTS_ELSEWHERE = re.compile(r".*_(?:file|path|dir|url|id|name|expiry|ttl|length)", re.IGNORECASE)
"""Names such as ``POSTGRES_PASSWORD_FILE``: the value says where the secret is, not what."""


def by_name(path: str) -> str:
    """What a clean path suggests; empty for nothing."""
    return next((what for pattern, what in _NAMES if pattern.fullmatch(path.lower())), "")


def by_variable(name: str, value: str) -> str:
    """What a variable of an image's environment looks like; empty for nothing.

    An empty value is none, nor is one that names another variable.
    """
    if found := by_content(f"{name}={value}".encode(errors="replace")):
        return found
    if not value or value.startswith("$") or _POINTS_ELSEWHERE.fullmatch(name):
        return ""
    return "a password or token" if _VARIABLE.fullmatch(name) else ""


def by_line(line: str) -> str:
    """What a command or a line of history shows, also in ``NAME=value``; empty for nothing."""
    if found := by_content(line.encode(errors="replace")):
        return found
    pairs = _ASSIGNED.findall(line)
    return next((what for name, value in pairs if (what := by_variable(name, value))), "")


def by_content(data: bytes) -> str:
    """What the start of a file shows; empty for nothing. Binary files are not looked at."""
    if b"\0" in data[:1024]:
        return ""
    return next((what for pattern, what in _CONTENTS if pattern.search(data)), "")
