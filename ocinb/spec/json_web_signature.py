"""Verifying one JSON Web Signature with the key that it carries.

Spec: none (RFC 7515 and RFC 7518 section 3)
"""

from __future__ import annotations

import base64
from typing import Any

from ocinb.errors import DocumentError

_CURVES = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}


def verify_signature(algorithm: str, key: dict[str, Any], signed: bytes, signature: bytes) -> None:
    """Check a signature: ``ES256``, ``ES384``, ``ES512`` or ``RS256``.

    Args:
        key: a JSON Web Key.
        signed: the signing input.

    Raises:
        DocumentError: the signature does not fit, or the algorithm is another.
        KeyError, ValueError, TypeError: the key is malformed.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        if algorithm in _CURVES:
            _verify_elliptic(algorithm, key, signed, signature)
        elif algorithm == "RS256":
            _verify_rsa(key, signed, signature)
        else:
            raise DocumentError(f"its algorithm {str(algorithm)[:20]!r} is not supported")
    except InvalidSignature:
        raise DocumentError("it does not fit the signed bytes") from None


def _verify_elliptic(algorithm: str, key: dict[str, Any], signed: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curve, size = _CURVES[algorithm]
    hashing = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    if key["crv"] != curve or len(signature) != 2 * size:
        raise ValueError("key and signature are not of this algorithm")
    numbers = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curves[curve])
    encoded = encode_dss_signature(
        int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    )
    numbers.public_key().verify(encoded, signed, ec.ECDSA(hashing[algorithm]))


def _verify_rsa(key: dict[str, Any], signed: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    numbers = rsa.RSAPublicNumbers(e=_number(key["e"]), n=_number(key["n"]))
    numbers.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
