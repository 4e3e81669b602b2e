"""`make demo`: the whole story with real processes and real clients."""
