"""What all widgets have in common: their code for the page, questions from it, an orderly end."""

from __future__ import annotations

import atexit
import contextlib
import inspect
import re
import threading
import weakref
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from anywidget import AnyWidget
from traitlets import Bool, Unicode

from ocinb.errors import OcinbError
from ocinb.notebook.diagrams import raster
from ocinb.notebook.streams import SafeText
from ocinb.table import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.notebook.diagrams.diagram import Diagram

_FRONT = Path(__file__).with_name("front")

_open: weakref.WeakSet[Widget] = weakref.WeakSet()


class Widget(AnyWidget):
    """A widget with a picture for where no kernel runs.

    What the page shows lies in traits, so that any number of views show the same, also one that
    is opened later. A subclass names its files in ``front`` by ``name``, answers questions of the
    page by methods ``ask_NAME``, and gives its picture by ``forms``.

    Attributes:
        problem: a sentence that the view shows; empty: none.
        closed: nothing is done any more; the views keep showing how it was.
        png: whether a picture that is a diagram is a PNG too, for viewers without SVG.
    """

    png = True
    name: ClassVar[str]
    keeps_picture: ClassVar[bool] = True
    """Whether its picture lies in the notebook all the while, not only once it is closed."""

    problem = Unicode("").tag(sync=True)
    closed = Bool(False).tag(sync=True)

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            return  # traitlets makes a class of its own for each widget that is given traits
        cls._esm = _code(cls.name, "js")
        cls._css = _code(cls.name, "css")

    def __init__(self, **values: Any) -> None:
        self._shown: list[tuple[Any, Any]] = []
        super().__init__(**values)
        self.on_msg(self._hear)
        _open.add(self)

    def forms(self) -> dict[str, Any]:
        """How things stand, by media type, for viewers that know no widgets."""
        raise NotImplementedError

    def close(self) -> None:
        """End what runs behind it; outputs that showed it keep its picture. Can be repeated."""
        if self.closed:
            return
        forms = self.forms()
        self.closed = True
        _open.discard(self)
        # First the outputs: JupyterLab hides one whose view goes because its model is closed.
        for still, view in self._shown:
            with contextlib.suppress(Exception):  # a front end that went away must not keep us
                still.update(forms, raw=True)
                if view is not still:
                    view.update(_NOTHING, raw=True)
        super().close()

    def repaint(self) -> None:
        """Bring the pictures in the notebook up to date, for whoever opens it without a kernel."""
        if self.closed or not self._shown:
            return
        forms = _marked(self.forms())
        for still, _ in self._shown:
            still.update(forms, raw=True)

    def _ipython_display_(self) -> None:
        """Show the picture, and the live view behind it, which hides the picture while it lives.

        JupyterLab shows a view of which there is no model as an error, and what else is in the
        same output not at all: so that a notebook that is opened again has a picture, it lies in
        an output of its own.
        """
        from IPython.display import display

        show: Any = display
        forms = self.forms()
        if self.closed:
            show(forms, raw=True)
            return
        view = (AnyWidget._repr_mimebundle_(self) or ({},))[0]
        if self.keeps_picture:
            still = show(_marked(forms), raw=True, display_id=True)
            self._shown.append((still, show({**view, **_NOTHING}, raw=True, display_id=True)))
        else:
            handle = show({**view, **forms}, raw=True, display_id=True)
            self._shown.append((handle, handle))

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return {**(AnyWidget._repr_mimebundle_(self) or ({},))[0], **self.forms()}

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        answer: Callable[..., Any] | None = getattr(self, f"ask_{content.get('ask')}", None)
        if answer is None or self.closed:
            return
        values = {name: value for name, value in content.items() if name not in ("ask", "id")}
        try:
            # A page of another version may say what the method does not take.
            inspect.signature(answer).bind(**values)
        except TypeError:
            return
        try:
            self.send({"re": content.get("id"), "value": answer(**values)})
        except OcinbError as error:
            self.send({"re": content.get("id"), "error": in_words(error)})


class Repeated:
    """Something that is done again and again in a thread of its own.

    Args:
        call: done at once, then after each pause; an ``OcinbError`` of it ends the thread.
        seconds: the pause.
    """

    def __init__(self, call: Callable[[], object], seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ocinb widget", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for what it is doing; also when called from within."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether its thread still runs."""
        return self._thread.is_alive()

    def _work(self) -> None:
        while not self._over.is_set():
            self._call()
            self._over.wait(self._seconds)


class PictureWidget(Widget):
    """A widget whose picture is a diagram."""

    def picture(self) -> Diagram:
        """How things stand."""
        raise NotImplementedError

    def forms(self) -> dict[str, Any]:
        """The picture, by media type."""
        return {
            kind: data
            for kind, data in self.picture().bundle(png=self.png and raster.available()).items()
            if not kind.startswith("image/")  # they are in the HTML already
        }


def close_all() -> None:
    """Close every widget of this process: the kernel ends, or the extension is unloaded."""
    for widget in list(_open):
        widget.close()


atexit.register(close_all)


def in_words(error: OcinbError) -> str:
    """An error as one line of a view."""
    from ocinb.commands.tree import as_typed

    hint = f" ({as_typed(error.hint, '%oci')})" if error.hint else ""
    return one_line(error.message + hint)


def _marked(forms: dict[str, Any]) -> dict[str, Any]:
    """The picture as the live view finds it, to hide it."""
    html = forms.get("text/html", "")
    return {**forms, "text/html": f'<div class="ocinb-still">{html}</div>'}


def plain(data: bytes) -> str:
    """What a container wrote, as text without colours and anything else a terminal obeys."""
    return _COLOUR.sub("", SafeText().feed(data, final=True))


_NOTHING = {"text/html": "", "text/plain": ""}
"""For viewers that have no view: the picture is in the output before."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


@cache
def _code(name: str, kind: str) -> str:
    return "".join(
        (_FRONT / f"{part}.{kind}").read_text(encoding="utf-8") for part in ("common", name)
    )
