"""Layers become one tree: planned, tried, mounted, looked into, and undone again."""
