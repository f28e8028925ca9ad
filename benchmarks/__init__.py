"""What Inkling costs and how well it reads, measured; `make bench` runs the first of them."""
