"""Making images: layers from what changed, steps, Dockerfiles, and changes of finished images.

``diff`` and ``placing`` make the entries of a layer, ``draft`` is the image while it is made,
``build`` is one stage step by step, ``recipe`` a whole Dockerfile; ``commit``, ``operations`` and
``rewrite`` change what is there. Who runs the commands is told by ``workplace``. ``demo`` is the
demo image, built from this machine's own files.
"""
