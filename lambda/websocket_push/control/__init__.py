"""What the control function does: who is connected, disconnect, revoke."""
