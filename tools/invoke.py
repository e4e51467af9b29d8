"""`make invoke EVENT=...`: sends requests from events/ to the function, and prints its responses.

Systems Manager is the local one, empty at first. Several events run one after the other against the same one, so that an
update or a delete finds what the create before it made: `make invoke EVENT="events/create.json events/update.json"`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from emulator import EMULATORS_ACCOUNT, as_invoked_here, emulator
from local_aws import scratch_folder, ssm_model
from response_sink import response_sink


def main(paths: list[str]) -> None:
    """Prints each event's response, then what the function logged; exits with 1 if one got none."""
    with scratch_folder("invoke") as folder, ssm_model(folder, EMULATORS_ACCOUNT) as ssm_url, response_sink() as sink:
        with emulator(folder, ssm_url) as function:
            for path in paths:
                event: dict[str, Any] = json.loads(Path(path).read_text())
                print(f"{path}: {event['RequestType']} of {event['ResourceType']}")
                if told := function.invoke(as_invoked_here(event, sink.url)):
                    sys.exit(f"The function failed: {json.dumps(told, indent=2)}")
                print(json.dumps(sink.next_response(), indent=2))
        print("\nThe function's log:")
        for line in (folder / "emulator.log").read_text().splitlines():
            if line.startswith("{"):
                print(f"  {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
