"""Ink to digits: strokes, pictures, preprocessing, both Keras models. Knows nothing of the web."""
