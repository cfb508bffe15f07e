"""Events about connections, users and notifications, for the rest of a system."""
