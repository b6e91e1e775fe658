"""Where events come from. A kind of source is one file, named as a kind of target is."""
