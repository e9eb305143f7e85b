"""Kernels: bytes and arrays in, counts and offsets out. They know no classes, no files and nothing else of lvtools."""
