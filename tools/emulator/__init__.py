"""The local AWS emulator: started by `server`, in its own process by `launch`, corrected by `patches`."""
