"""The page behind an approval's link."""
