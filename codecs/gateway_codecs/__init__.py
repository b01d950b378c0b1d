"""Telephone codecs over batches of rows: numpy arrays in, numpy arrays out."""
