"""Write text."""
