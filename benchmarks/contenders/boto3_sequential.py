"""boto3, one call after the other."""

from collections.abc import Sequence

from benchmarks.contenders import harness
from benchmarks.contenders.blocking import Boto3Push
from benchmarks.contenders.requests import PushRequests


def main() -> None:
    """Do the tasks of the command line."""
    client = Boto3Push(pool_size=1)

    def push(users: Sequence[str]) -> int:
        requests, delivered = PushRequests(), 0
        for user_id in users:
            client.store(requests, user_id)
            delivered += sum(client.post(requests, each) for each in client.look_up(requests, user_id))
        return delivered

    harness.run(push)


if __name__ == "__main__":
    main()
