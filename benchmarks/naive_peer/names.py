"""What the naive worker and whoever asks it agree on."""

TASK = "naive.verify"
QUEUE = "naive"
RESULTS = "naive:results"
"""The pub/sub channel of results."""
