"""What proxies that are programs with a configuration have in common; they themselves do not know each other."""
