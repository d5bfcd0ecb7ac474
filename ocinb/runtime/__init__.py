"""The OCI runtime: config.json and a root filesystem become a process.

A program of its own (``ocinb-runtime``), single-threaded, quick to start. To follow it:
``operations.py`` has create, start, kill and delete; ``parent.py`` is create as the runtime sees
it; ``entering.py`` enters the namespaces; ``init.py`` is the list of steps that the container's
own process goes through until it becomes the user's program.
"""
