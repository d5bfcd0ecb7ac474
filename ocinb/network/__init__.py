"""What config.json leaves out: how a container's network namespace is connected to anything.

config.json can only ask for a network namespace. Everything else is done by two hooks that stand
in config.json for everybody to read, and that any OCI runtime runs: ``createRuntime`` attaches
the namespace, ``poststop`` undoes that. They are the program ``hook.py``; what they do stands in
``network.json``, which is made before (``plan.py``).

::

    ROOT/networks/NAME.json            a network: its subnet; kept until ``network rm``
    RUN_ROOT/networks/NAME/lock        one process at a time changes a network
    RUN_ROOT/networks/NAME/leases/IP   who has an address; a file each, so taking one is atomic
    RUN_ROOT/networks/attachments/ID   what was made for a container; written before it is made
    BUNDLE/network/network.json        what the hooks of a bundle do
    BUNDLE/network/hosts …             files that the container sees in /etc
"""
