"""Classes for the messages of the CRI, made of their table while the program runs.

No generated code: a reader finds the interface in ``messages.py``, whole.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from ocinb.cri.messages import ENUMS, MESSAGES, PACKAGE, SERVICES, UNLIKE
from ocinb.errors import UnsupportedHost

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCALARS = {"string": 9, "bytes": 12, "bool": 8, "int32": 5, "uint32": 13, "int64": 3, "uint64": 4}
"""Type → its number in protocol buffers' own description of fields."""

_ENUM, _MESSAGE, _OPTIONAL, _REPEATED = 14, 11, 1, 3
_FIELD = re.compile(r"(\w+)(?::(\w+)(\*?))?=(\d+)")


def method(name: str) -> tuple[str, type[Any], type[Any]]:
    """A method's address, the class of its request, and that of its answer.

    Raises:
        UnsupportedHost: protobuf is not installed.
    """
    service = next(each for each, names in SERVICES.items() if name in names.split())
    asked, answered = UNLIKE.get(name, (f"{name}Request", f"{name}Response"))
    return f"/{PACKAGE}.{service}/{name}", message(asked), message(answered)


def message(name: str) -> type[Any]:
    """The class of a message."""
    made: type[Any] = _classes()[name]
    return made


def enum_name(kind: str, number: int) -> str:
    """The name of an enumeration's value; its number where it is newer than ours."""
    names = ENUMS[kind].split()
    return names[number] if 0 <= number < len(names) else str(number)


@functools.cache
def _classes() -> dict[str, type[Any]]:
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise UnsupportedHost(
            "the CRI needs grpcio and protobuf", hint="pip install 'ocinb[cri]'"
        ) from error
    file = descriptor_pb2.FileDescriptorProto(
        name="ocinb/cri.proto", package=PACKAGE, syntax="proto3"
    )
    for name, values in ENUMS.items():
        kind = file.enum_type.add(name=name)
        for number, value in enumerate(values.split()):
            kind.value.add(name=value, number=number)
    for name, fields in declared():
        described = file.message_type.add(name=name)
        for field, type_name, repeated, number in fields:
            _describe(described, field, type_name, repeated=repeated, number=number)
    # A pool of its own: another package may bring Kubernetes' messages of the same names.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name, _ in declared()
    }


def declared() -> Iterator[tuple[str, list[tuple[str, str, bool, int]]]]:
    """The table's messages, and of each its fields: name, type, whether repeated, number."""
    for line in MESSAGES.splitlines():
        name, colon, fields = line.partition(":")
        if colon:
            yield (
                name,
                [
                    (field, kind or "string", bool(many), int(number))
                    for field, kind, many, number in _FIELD.findall(fields)
                ],
            )


def _describe(described: Any, name: str, kind: str, *, repeated: bool, number: int) -> None:
    label = _REPEATED if repeated or kind == "map" else _OPTIONAL
    field = described.field.add(name=name, number=number, label=label)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    elif kind in ENUMS:
        field.type, field.type_name = _ENUM, f".{PACKAGE}.{kind}"
    elif kind == "map":
        # A map is a repeated message of its own, with a key and a value.
        entry = "".join(part.capitalize() for part in name.split("_")) + "Entry"
        nested = described.nested_type.add(name=entry)
        nested.options.map_entry = True
        _describe(nested, "key", "string", repeated=False, number=1)
        _describe(nested, "value", "string", repeated=False, number=2)
        field.type, field.type_name = _MESSAGE, f".{PACKAGE}.{described.name}.{entry}"
    else:
        field.type, field.type_name = _MESSAGE, f".{PACKAGE}.{kind}"
