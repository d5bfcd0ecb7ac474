"""The course: its lessons, their exercises, what a machine lets a reader do of it.

The notebooks are made from ``notebooks/source``; an installed package carries them.
"""
