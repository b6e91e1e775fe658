"""What runs in a system's own environment: its workers, and the driver that gives it work and reads back what became
of it. Nothing here imports another system's packages."""
