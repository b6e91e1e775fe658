"""What the five participants share: the door, calling back, the ledger for checkers, the switches for failures.

A participant of your own needs none of this, only the barrier: read `examples/shop/payments/views.py`.
"""
