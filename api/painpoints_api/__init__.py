"""The service around the engine: HTTP API, durable jobs, storage, pages.

Imports the engine through `engine.py` only; nobody imports this package.
"""
