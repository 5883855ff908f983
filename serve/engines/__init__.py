"""One engine per file: Config and Engine. The file's name is the engine's name and its extra's name."""
