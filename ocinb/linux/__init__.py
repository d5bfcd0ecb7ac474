"""The kernel's words only: system calls, namespaces, mounts, identities. No OCI word in here."""
