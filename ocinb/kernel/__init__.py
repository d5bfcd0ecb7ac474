"""The OCI kernel: a notebook whose cells are commands, or scripts in a container."""
