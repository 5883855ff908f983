"""The RayService of the chart on one machine, without a cluster: `nodes` are its pods, `service` its serveConfigV2."""
