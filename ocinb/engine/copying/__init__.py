"""Copying into and out of containers, whose files may be hostile.

A small process of its own (``worker``) stands in the container's user namespace and sees its tree
only through a descriptor of its root: every path is resolved beneath it by the kernel. What passes
is a tar archive, which ``pack`` makes and ``extract`` takes apart, on either side by the same code:
what comes out of a container cannot leave the directory that it is copied to.
"""
