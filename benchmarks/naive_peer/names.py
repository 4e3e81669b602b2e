"""What the workers of the peers and whoever asks them agree on."""

TASK = "naive.verify"
QUEUE = "naive"
RESULTS = "naive:results"
"""The pub/sub channel of results."""
