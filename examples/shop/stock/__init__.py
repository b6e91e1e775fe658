"""The participant `stock`: sets pieces aside for an order, and puts them back."""
