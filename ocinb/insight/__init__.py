"""Looking into images: which files, from which layer, what is hidden, what differs."""
