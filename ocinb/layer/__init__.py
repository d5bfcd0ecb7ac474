"""Layers: what an entry, a whiteout and an opaque directory mean; how to apply and make them.

Read ``changeset`` (the vocabulary), ``whiteout`` (the whole rule), then ``unpack`` and ``pack``.
"""
