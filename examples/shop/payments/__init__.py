"""The participant `payments`: charges an account, and refunds the charge."""
