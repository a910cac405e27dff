"""The level of embeddings: vectors, their join, models, the inference service."""
