"""A client for push notifications over WebSocket that loses nothing and repeats nothing."""

from websocket_push_client.client import Notification, PushClient, Recall
from websocket_push_client.errors import PushError
from websocket_push_client.link import Ending, Timing
from websocket_push_client.stores import FileStore, MemoryStore, Store

__all__ = ["Ending", "FileStore", "MemoryStore", "Notification", "PushClient", "PushError", "Recall", "Store", "Timing"]
