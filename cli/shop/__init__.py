"""The demo shop: a customer's site with a back end of its own, beside a system on one machine.

It knows of the chat platform what any customer knows: the project's id, the gateway's address, and
the shared secret as somebody pasted it.
"""
