"""A stateful stand-in for the GoHighLevel API, for development and tests."""
