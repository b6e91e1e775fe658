"""Every place at which a process can die, through the real engine and its real SQL."""
