"""What every request meets, whatever it asks: its name, the front door, its body, and how errors are said."""
