"""A cluster is made anew where no GPU is spare for a second one: a release goes in, its service on new pods comes out.

KubeRay does nothing about other pods where its upgradeStrategy is None, but makes a RayCluster when there is none. So
`recreation` deletes the one that is outdated, by KubeRay's own rule (serve/plan/cluster.py), and waits for the next;
`refusal` answers clients meanwhile, from `place`. `release` is all that the API server is asked and told.
"""
