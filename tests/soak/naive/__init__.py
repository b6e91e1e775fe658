"""The same load and faults on plain Celery chains with `link_error`: what a team writes that has no coordinator."""
