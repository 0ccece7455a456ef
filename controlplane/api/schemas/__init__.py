"""The OpenAPI definitions of Kubernetes, and checking of objects against them."""
