"""The subcommands of registry.k8s.io/e2e-test-images/agnhost that the network tests use."""
