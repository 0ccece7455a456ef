"""The commands. Each loads only what it needs: a command line is judged by how fast it answers."""
