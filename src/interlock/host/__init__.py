"""Tools that touch the machine: processes, files, sockets, tasks."""
