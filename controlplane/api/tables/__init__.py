"""Tables as `kubectl get` shows them: the server chooses columns and cells.

Source of all columns: Kubernetes 1.33 pkg/printers/internalversion/printers.go.
"""
