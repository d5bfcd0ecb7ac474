"""Which files a ``COPY`` or ``ADD`` puts where.

Spec: none (Dockerfile reference, COPY)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocinb.build.archive import Archives
from ocinb.build.context import Context, has_glob, matches
from ocinb.build.placing import Dress, Placing
from ocinb.build.stack import Node, Stack
from ocinb.errors import BuildError
from ocinb.layer.changeset import Entry


class Copying:
    """One ``COPY``.

    Args:
        placing: the layer that it makes.
        working_directory: from where a relative destination is seen.
        to: the destination as it was written.
        owner: of the copies; None: the superuser, and in archives whoever they name.
        mode: permission bits of the copies; None: as they are.
    """

    def __init__(
        self,
        placing: Placing,
        *,
        working_directory: str,
        to: str,
        owner: tuple[int, int] | None,
        mode: int | None,
    ) -> None:
        self._placing = placing
        self._to = to
        self._dress = Dress(owner=owner or (0, 0), mode=mode)
        self._dress_of_archives = Dress(owner=owner, mode=mode)
        self._real = placing.real(to if to.startswith("/") else f"{working_directory}/{to}")
        ends_in_slash = to.endswith(("/", "/.")) or to in ("", ".")
        self._is_directory = ends_in_slash or placing.is_directory(self._real)

    def entries(
        self,
        tree: Stack,
        sources: Sequence[str],
        texts: Mapping[str, bytes],
        archives: Archives | None = None,
    ) -> list[Entry]:
        """The entries of the layer.

        Args:
            tree: where the sources are.
            sources: paths and patterns.
            texts: files that are given: name → content.
            archives: where archives are unpacked; None: they are files like others.

        Raises:
            BuildError: nothing has a source's name, or it does not fit what is in the image.
            LayerError: a malformed archive. OSError: a file cannot be read.
        """
        found = [(pattern, matches(tree, pattern)) for pattern in sources]
        self._check(found, len(texts))
        for pattern, paths in found:
            if not paths:
                context = isinstance(tree, Context)
                raise BuildError(
                    f"nothing in {'the context' if context else 'that image'} is called {pattern}",
                    hint="or .dockerignore leaves it out" if context else None,
                )
            for path in paths:
                node = tree.follow(path)
                assert node is not None  # it was found
                self._place(tree, node, path, archives)
        for name, data in texts.items():
            self._placing.text(self._target(name), data, self._dress)
        return self._placing.entries

    def _place(self, tree: Stack, node: Node, path: str, archives: Archives | None) -> None:
        archive = archives.open(node) if archives and node.is_file else None
        if archive is not None and archives is not None:
            self._placing.directory(self._real, self._dress)
            self._placing.tree(
                archive, archive.root, self._real, self._dress_of_archives, archives.owners
            )
        elif node.is_directory:
            self._placing.directory(self._real, self._dress)
            self._placing.tree(tree, node, self._real, self._dress)
        else:
            self._placing.copy(node, self._target(path), self._dress)

    def _check(self, paths: Sequence[tuple[str, list[str]]], texts: int) -> None:
        """Several files need a directory to go to."""
        files = sum(len(found) if has_glob(pattern) else 1 for pattern, found in paths) + texts
        if files > 1 and not self._is_directory:
            raise BuildError(
                f"{self._to} is to take {files} files, so it must be a directory",
                hint=f"write {self._to}/",
            )

    def _target(self, path: str) -> str:
        """Where one file goes."""
        if not self._is_directory:
            return self._real
        name = path.rpartition("/")[2]
        return f"{self._real}/{name}" if self._real else name
