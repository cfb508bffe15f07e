"""boto3 with a pool of threads: put and query side by side, then all posts; users side by side."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.contenders import harness
from benchmarks.contenders.blocking import Boto3Push
from benchmarks.contenders.requests import PushRequests


def main() -> None:
    """Do the tasks of the command line."""
    client = Boto3Push(pool_size=harness.THREADS)
    pool = ThreadPoolExecutor(harness.THREADS)

    def push_to_one(requests: PushRequests, user_id: str) -> int:
        stored = pool.submit(client.store, requests, user_id)
        found = client.look_up(requests, user_id)
        stored.result()
        return sum(pool.map(lambda each: client.post(requests, each), found))

    def push_in_turn(requests: PushRequests, user_id: str) -> int:
        client.store(requests, user_id)
        return sum(client.post(requests, each) for each in client.look_up(requests, user_id))

    def push(users: Sequence[str]) -> int:
        requests = PushRequests()
        if len(users) == 1:
            return push_to_one(requests, users[0])
        # A thread that waited for others of the same pool could wait for ever, so each user has one.
        return sum(pool.map(lambda user_id: push_in_turn(requests, user_id), users))

    harness.run(push)


if __name__ == "__main__":
    main()
