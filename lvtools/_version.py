"""The version, stated once: pyproject.toml and the front door read it here."""

__version__ = "0.1.0"
