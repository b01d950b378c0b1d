"""From written text to what a voice is to say: numbers, money, dates, marks and tags."""
