"""The notebook's door: ``%load_ext ocinb`` and ``%oci CMD``."""
