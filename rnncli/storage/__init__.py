"""The model directory: described, written whole, read back with distrust."""
