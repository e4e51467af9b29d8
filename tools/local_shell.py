"""Runs a shell, or a command, with the local AWS, to follow the guides without an account.

python tools/local_shell.py                    a shell; its end stops the local AWS
python tools/local_shell.py -c 'aws s3 ls'     one command
"""

import os
import subprocess
import sys
from pathlib import Path

from local_aws import ROOT, local_aws
from stacks import HOST_ARCHITECTURE


def main() -> int:
    print("Starting the local AWS", flush=True)
    with local_aws() as aws:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if len(sys.argv) == 1:
            print(
                "aws and sam talk to the local AWS in this shell; exit ends both. It runs the function on this machine, so\n"
                f"build with: sam build --parameter-overrides Architecture={HOST_ARCHITECTURE}\n"
                f"and deploy with Architecture={HOST_ARCHITECTURE} BuiltArchitecture={HOST_ARCHITECTURE} among the "
                f"parameters, or with install.sh --architecture {HOST_ARCHITECTURE}"
            )
        return subprocess.run(
            ["bash", *sys.argv[1:]], cwd=ROOT, env=aws.environment() | {"PATH": path}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
