"""WebSocket frames by hand (RFC 6455): a load client may not cost more than what it measures."""

import base64
import os

TEXT, CLOSE = 0x1, 0x8
SUBPROTOCOL = "widget-auth.v1"

_FINAL = 0x80
_MASKED = 0x80
_NO_MASK = bytes(4)  # masking with zeros leaves the payload as it is


def upgrade_request(host: str, path: str) -> bytes:
    """The request that opens a socket; any number of sockets may send the same."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame of at most 65,535 bytes."""
    if len(payload) < 126:
        return bytes([_FINAL | opcode, _MASKED | len(payload)]) + _NO_MASK + payload
    length = len(payload).to_bytes(2, "big")
    return bytes([_FINAL | opcode, _MASKED | 126]) + length + _NO_MASK + payload


def split_frames(received: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames of a server in the bytes, as (opcode, payload), and what is left of them."""
    frames = []
    start = 0
    while len(received) - start >= 2:
        length, body = received[start + 1], start + 2
        if length == 126:
            length, body = int.from_bytes(received[body : body + 2], "big"), body + 2
        end = body + length
        if len(received) < max(end, body):
            break
        frames.append((received[start] & 0xF, received[body:end]))
        start = end
    return frames, received[start:]
