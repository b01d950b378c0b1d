"""The tools that the gateway does by itself over HTTP or in a process, a file per kind."""
