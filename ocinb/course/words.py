"""Text in the two languages of the course."""

from __future__ import annotations

import os

from ocinb.frozen import Frozen

LANGUAGES = ("en", "zh")


class Words(Frozen):
    """The same said in each language.

    Attributes:
        en: English.
        zh: Simplified Chinese.
    """

    en: str
    zh: str

    def __getitem__(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


def words(en: str, zh: str) -> Words:
    """Both languages, in their order."""
    return Words(en=en, zh=zh)


def unlike(asked: str, wanted: object, found: object) -> Words:
    """What is said of a function that gives something else.

    Args:
        asked: the call, as in ``parts('demo:1')``.
    """
    return Words(
        en=f"{asked} should be {wanted!r}, and is {found!r}",
        zh=f"{asked} 应为 {wanted!r}，得到的却是 {found!r}",
    )


def language() -> str:
    """The language of whoever reads: ``OCINB_LANGUAGE``, else that of the notebook's directory.

    A kernel is not told which notebook it serves, but it starts in that notebook's directory, and
    those of the Chinese notebooks are called ``zh``.
    """
    asked = os.environ.get("OCINB_LANGUAGE", "")[:2]
    if asked in LANGUAGES:
        return asked
    try:
        return "zh" if os.path.basename(os.getcwd()) == "zh" else "en"
    except OSError:  # it was removed
        return "en"
