"""HTTP with servers of this machine, which tests speak with only: none of them has TLS."""

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx's `verify`. Whoever is not given one reads all authorities there are, in 20 ms each."""
