"""The steps by which the tables came to be as they are; run by `painpoints db upgrade`."""
