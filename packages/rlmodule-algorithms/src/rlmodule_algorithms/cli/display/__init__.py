"""What a user sees while a program trains."""
