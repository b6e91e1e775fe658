"""An order in the classic asynchronous way: every service takes part by events only, and the saga orchestrates them."""
