"""`kubehop demo`: a whole story in some seconds, on a cluster of its own."""
