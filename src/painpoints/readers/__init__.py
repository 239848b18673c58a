"""Readers: files of customers' words in, the feedback table out."""
