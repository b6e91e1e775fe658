"""An app with the sagas that people look after in the stories of the console."""
