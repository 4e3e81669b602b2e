"""The peer: verification as one writes it first, one Celery task for each request."""
