"""What a terminal shows: tables, pictures, coloured texts."""
