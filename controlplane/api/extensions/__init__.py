"""kubehop's own API group: what no other cluster can tell."""
