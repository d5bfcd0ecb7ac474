"""The command tree: one file for each command, the same for shell, magic and kernel.

A command is a click definition whose function returns a value (``values.py`` and ``Table``) and
never prints; ``tree.call`` runs one. Doors (``ocinb.cli``, ``ocinb.notebook``) show the value.
"""
