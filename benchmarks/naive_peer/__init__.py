"""The peers: verification as one writes it first, one job for each request."""
