"""What measures the program: each benchmark prints a table and writes its figures as JSON."""
