"""Where events go. A kind of target is one file, named in the settings; so is another class by its dotted path."""
