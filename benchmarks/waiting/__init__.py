"""Steps that wait on the network: what each of Celery's pools makes of them. As a Django app, it brings the saga."""
