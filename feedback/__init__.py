"""What people told us: labels, and what follows from them."""
