"""Plain Python words and shapes: no framework, no I/O."""
