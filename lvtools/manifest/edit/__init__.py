"""Tools on manifests: lines are taken apart, decided upon, put together; what is not edited stays byte for byte."""
