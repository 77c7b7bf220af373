"""What whoever watches a deployment asks for: metrics, health and readiness over HTTP."""
