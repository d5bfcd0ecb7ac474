"""The content store: blobs by digest, images by name, as an OCI image layout on disk."""
