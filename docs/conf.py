"""What Sphinx is told; see ``docs/site.py``, which calls it once for each language."""

import re
from collections.abc import Iterator

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

project = "ocinb"
copyright = "the ocinb authors"  # Sphinx's own name for it
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "ocinb"
html_show_sourcelink = False
html_show_copyright = False
html_static_path = ["look/static"]
html_css_files = ["ocinb.css"]
templates_path = ["look/templates"]
locale_dirs = ["locale"]  # Beside the Chinese sources: it is compiled there
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "language.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
exclude_patterns = ["code", "README.md"]
myst_heading_anchors = 4
myst_links_external_new_tab = True
# Nothing is loaded from elsewhere: pages are read without a network.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/svg+xml", 5)]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_custom_sections = [("Spec", "returns_style"), ("Shape", "returns_style")]
suppress_warnings = ["misc.highlighting_failure"]  # Python with magics is no Python


class SearchChinese(SearchEnglish):
    """Chinese writes no spaces: each two, three and four characters that follow can be found."""

    lang = "zh"  # English words among it are stemmed as ever

    def split(self, input: str) -> list[str]:
        """The words of a text."""
        return [word for run in super().split(input) for word in _words(run)]


_CHINESE = re.compile(r"[\u3400-\u9fff]+")


def _words(run: str) -> Iterator[str]:
    yield from _CHINESE.sub(" ", run).split()
    for part in _CHINESE.findall(run):
        for length in (2, 3, 4):
            for at in range(len(part) - length + 1):
                yield part[at : at + length]


def setup(app: Sphinx) -> None:
    """Sphinx's own way for Chinese needs a dictionary of 20 MB."""
    app.add_search_language(SearchChinese)
