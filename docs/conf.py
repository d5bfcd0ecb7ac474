"""What Sphinx is told; see ``docs/site.py``, which calls it."""

project = "ocinb"
copyright = "the ocinb authors"  # Sphinx's own name for it
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "ocinb"
html_show_sourcelink = False
html_show_copyright = False
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
