"""The participant `shipping`: books parcels and couriers, and calls them off."""
