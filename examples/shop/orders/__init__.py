"""The participant `orders`: confirms an order, for good."""
