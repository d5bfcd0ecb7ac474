"""The client of the distribution specification: endpoints, authentication, pull, push, copy."""
