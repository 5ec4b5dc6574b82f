"""`make release STAGE=dev`: bring the build in `.aws-sam/build` into a stage of an AWS account."""

import sys

from rich.console import Console

from darkroom.cli.stack import NoStack
from tools.localcloud.cloud import PROJECT
from tools.release.accounts import account_of_environment
from tools.release.release import ReleaseFailed, release
from tools.release.stages import stages

BUILD = PROJECT / ".aws-sam" / "build"


def main(name: str, commit: str) -> None:
    """Release a commit to a stage; exit with the reason if the release fails."""
    screen = Console(highlight=False)
    try:
        account, stage = account_of_environment(), stages()[name]
        report = release(account, stage, BUILD, commit[:10], screen.print)
    except KeyError as error:
        sys.exit(f"{error} is not a stage, or not a variable that is set: see docs/deploy.md.")
    except (ReleaseFailed, NoStack) as error:
        sys.exit(str(error))
    screen.print(report.table())


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, commit]:
            main(name, commit)
        case _:
            sys.exit("usage: python -m tools.release STAGE COMMIT")
