"""One task per file: Args, wire types, the replica with its routes, build(). The file's name is the task's name."""
