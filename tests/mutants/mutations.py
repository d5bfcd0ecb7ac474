"""Small changes of a module, each of which a test should notice."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

_COMPARISONS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.Mod: ast.Mult,
}  # fmt: skip


class Mutant:
    """A module with one change.

    Attributes:
        line: where it is.
        what: the change, in words.
        tree: the whole module.
    """

    def __init__(self, line: int, what: str, tree: ast.Module) -> None:
        self.line, self.what, self.tree = line, what, tree


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module; docstrings, annotations and imports stay as they are."""
    tree = ast.parse(source)
    nodes = [node for node in _own(tree) if hasattr(node, "lineno")]
    for number, node in enumerate(nodes):
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            twin = [each for each in _own(changed) if hasattr(each, "lineno")][number]
            change(twin)
            ast.fix_missing_locations(changed)
            yield Mutant(node.lineno, what, changed)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that do something, always in the same order."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Assign) and ast.unparse(node) == "TYPE_CHECKING = False":
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _own(child)


Change = Callable[[ast.AST], None]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        other = _COMPARISONS[type(node.ops[0])]
        yield f"{ast.unparse(node)}: {other.__name__}", lambda n: n.ops.__setitem__(0, other())
    elif isinstance(node, ast.BoolOp):
        swapped = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{ast.unparse(node)}: {swapped.__name__}", lambda n: setattr(n, "op", swapped())
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        instead = _OPERATORS[type(node.op)]
        yield f"{ast.unparse(node)}: {instead.__name__}", lambda n: setattr(n, "op", instead())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)}: without not", lambda n: _become(n, n.operand)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        test = ast.unparse(node.test)
        yield f"if {test}: never", lambda n: setattr(n, "test", ast.Constant(False))
    elif isinstance(node, ast.Return) and ast.unparse(node) not in ("return", "return None"):
        yield f"{ast.unparse(node)}: None", lambda n: setattr(n, "value", ast.Constant(None))
    elif isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete):
        yield f"{ast.unparse(node)}: left out", _leave_out
    elif isinstance(node, ast.Continue):
        yield "continue: break", lambda n: setattr(n, "__class__", ast.Break)


def _constants(node: ast.Constant) -> Iterator[tuple[str, Change]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value}: {not value}", lambda n: setattr(n, "value", not value)
    elif isinstance(value, int):
        yield f"{value}: {value + 1}", lambda n: setattr(n, "value", value + 1)
    elif isinstance(value, str | bytes) and value and not _is_sentence(value):
        other = value + ("X" if isinstance(value, str) else b"X")
        yield f"{value!r}: {other!r}", lambda n: setattr(n, "value", other)


def _is_sentence(value: str | bytes) -> bool:
    """Words for people: how an error is put is not what its tests hold."""
    return " " in value if isinstance(value, str) else b" " in value


def _become(node: ast.AST, other: ast.AST) -> None:
    node.__class__ = other.__class__
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _leave_out(node: ast.AST) -> None:
    line = {key: node.__dict__[key] for key in ("lineno", "col_offset")}
    node.__class__ = ast.Pass
    node.__dict__.clear()
    node.__dict__.update(line)
