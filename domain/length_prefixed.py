"""Several values as one run of bytes that can be taken apart in one way only."""


def join(*parts: bytes) -> bytes:
    """Each part behind its length in four bytes, so that no two different lists look alike."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
