"""Real servers for tests: found or started once for a whole run, and always stopped."""
