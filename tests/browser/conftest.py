"""Tests in a real browser. `page`, `open_browser` and `watch` are in `tests/servers/browser.py`."""
