"""Views for a terminal: tables, heatmaps, highlighted texts."""
