"""The runner: brings every part up in order, keeps it up, and takes all of it down again."""
