"""Models that learn what is usual, behind the rules' own protocol: PyOD's only home."""
