"""One view a page; each asks, calls one verb, renders."""
