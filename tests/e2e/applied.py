"""The examples, each applied once by pytest-terraform for all tests that need it.

A module of its own because the decorator reads pytest-terraform's configuration, which is not there yet while
conftest.py is imported; conftest.py registers this as a plugin when it is.
"""

from pytest_terraform import terraform

terraform("minimal", scope="session")
terraform("jwt", scope="session")
terraform("event-driven", scope="session", name="event_driven")
terraform("complete", scope="session")
terraform("queue", scope="session")
terraform("topics", scope="session")
terraform("offline-mail", scope="session", name="offline_mail")
