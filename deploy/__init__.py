"""What containers need beside the rooms."""
