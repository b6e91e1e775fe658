"""Events in and out: what is in the outbox is sent to targets, and what sources bring starts sagas and signals them."""
