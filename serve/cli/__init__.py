"""The command `ai-inference`: `app` holds the list, each subcommand is a file of this folder."""
