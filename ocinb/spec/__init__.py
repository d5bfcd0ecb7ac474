"""The documents of the specifications: pure types and tables, no I/O.

Module names are the specifications' nouns. Import the module of the noun that you need: the
runtime starts once for each operation and imports only ``lifecycle``, ``runtime_state`` and
``versions`` from here.
"""
