"""Request bodies in Kubernetes protobuf, as kubectl 1.32 and later send them."""
