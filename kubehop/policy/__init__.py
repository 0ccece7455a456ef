"""What policies allow, told from the objects of a cluster."""
