"""What the container's process does to itself and its surroundings, a subject a module.

Each function takes the ``Environment`` and does one thing; ``init.py`` has the order.
"""
