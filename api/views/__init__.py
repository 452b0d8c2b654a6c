"""The doors: parse, call one verb, answer."""
