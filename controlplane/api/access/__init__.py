"""Who sends a request, and whether they may: RBAC (rbac.authorization.k8s.io/v1)."""
