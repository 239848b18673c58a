"""The API's endpoints, one file per thing that is spoken of."""
