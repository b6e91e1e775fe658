"""The participant `orders`: confirms an order, and cancels it."""
