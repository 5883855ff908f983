"""Tests against a real API server and the real KubeRay operator, wherever KUBECONFIG is set.

In most of them no container runs: nodes are objects that the tests make, `pods` says of the pods on them that they
run, and `dashboard` answers the operator in place of Ray. So they need no GPU, no image and no kubelet, but of a
cluster that

- the operator looks after all namespaces, kubectl is on PATH, and KUBECONFIG may make nodes and namespaces
- the operator reaches this machine at port 8265 of CLUSTER_TEST_ADDRESS; by default the address that this machine has
  towards the API server, or towards the first node where the API server is on localhost, as with kind

Those that run pods say in `served` what they want beside it, and are skipped without.
"""
