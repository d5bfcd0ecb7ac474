"""The bundle: from an image's config and a person's wishes to config.json on disk."""
