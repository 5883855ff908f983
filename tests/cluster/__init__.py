"""Tests against a real API server and the real KubeRay operator, wherever KUBECONFIG is set.

No container runs in them: nodes are objects that the tests make, `pods` says of the pods on them that they run, and
`dashboard` answers the operator in place of Ray. So they need no GPU, no image and no kubelet. They want of a cluster:

- the operator, for all namespaces; kubectl on PATH
- that the operator reaches this machine at port 8265 of CLUSTER_TEST_ADDRESS (default: the address that this machine
  has towards the API server; with kind, that of Docker's network `kind` on the host)
- that nodes without a kubelet stay ready: kube-controller-manager --node-monitor-grace-period=24h
"""
