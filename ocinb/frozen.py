"""Immutable records without the import cost of ``dataclasses``.

``dataclasses`` imports ``inspect``: 15–20 ms on the machines this was measured on, more than the
start of the Python interpreter itself. The runtime starts once for each container operation, so
what it imports uses this base instead. Type checkers see a frozen, keyword-only dataclass.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, ClassVar, dataclass_transform
else:

    def dataclass_transform(**_: object):  # noqa: D103
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Frozen:
    """Base of immutable records: annotate fields in the subclass, give defaults as usual.

    Fields are keyword-only, compared by value, hashable when their values are, and cannot be
    assigned after construction (``AttributeError``). A missing or unknown field is ``TypeError``.
    A default must be immutable: it is shared by all instances.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[frozenset[str]] = frozenset()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = tuple(name for name in cls.__annotations__ if name[0] != "_")
        cls._defaults = cls._defaults | {n: cls.__dict__[n] for n in own if n in cls.__dict__}
        cls._fields = tuple(dict.fromkeys(cls._fields + own))
        cls._names = frozenset(cls._fields)

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        merged = cls._defaults | values
        if merged.keys() != cls._names:
            missing = [name for name in cls._fields if name not in merged]
            unknown = [name for name in merged if name not in cls._fields]
            raise TypeError(f"{cls.__name__}: missing {missing}, unknown {unknown}")
        self.__dict__.update(merged)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """The fields as ``(name, value)`` pairs in the order of declaration: ``dict(record)``."""
        return ((name, self.__dict__[name]) for name in self._fields)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"
