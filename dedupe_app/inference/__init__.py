"""Models as a service: both sides of the KServe V2 protocol (docs/inference.md). `client` reaches any server that
speaks it; `server` is ours."""
