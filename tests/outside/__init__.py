"""A service seen by a client without a key or a token: what is asked of its ports, and what docs/security.md says."""
