"""Diagrams: SVG drawn once in Python, the same for every viewer, without JavaScript."""
