"""A trace as people read it: whose addresses these are, and the way of one packet. Pure."""
