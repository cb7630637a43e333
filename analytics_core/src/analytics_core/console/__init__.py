"""What people and log collectors see of a command while it runs and when it ends."""
