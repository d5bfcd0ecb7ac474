"""Making images: the demo image, built from this machine's own files."""
