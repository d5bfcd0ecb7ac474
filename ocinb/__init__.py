"""ocinb: the three OCI specifications, live in a notebook.

The walk of one image is the architecture: name → registry → store → layers → mounts → bundle →
runtime → process, and events back up. Each room of the package is one stage of that walk; a room
imports only rooms of lower tiers (``[tool.importlinter]`` in ``pyproject.toml`` holds it).
"""

from __future__ import annotations

__version__ = "0.1.0"
