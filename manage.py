#!/usr/bin/env python
"""Django's command line for the orchestrator project."""

from orchestrator.terminal import main

if __name__ == "__main__":
    main()
