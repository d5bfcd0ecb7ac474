"""Containers where the kernel allows no namespaces: by proot, or by fakechroot.

The command line is that of an OCI runtime, so that the engine, its monitor, logs, ``exec`` and
``rm`` need not know: ``python -I -S emulated/__main__.py proot --root DIR create --bundle …``.

::

    proot        another process follows every system call (ptrace) and moves paths into the image
    fakechroot   a library in each program moves them; it works for dynamically linked ones only

Neither isolates anything: programs see this machine's processes and network, and are this user.
What of config.json is not kept is told by ``losses.py``, and by whoever runs a container to the
person who asked.
"""
