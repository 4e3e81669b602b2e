"""Whose address a request has, where proxies stand before the gateway."""

from domain.client_addresses import MAX_PROXIES, UNKNOWN, Address, Network, client_address

__all__ = ["MAX_PROXIES", "UNKNOWN", "Address", "Network", "client_address"]
