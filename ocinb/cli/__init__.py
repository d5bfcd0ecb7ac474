"""The shell's door: ``ocinb CMD``."""
