"""One bundle by several runtimes: what each of them does, how long it takes, what comes of it."""
