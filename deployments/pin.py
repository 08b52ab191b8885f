"""From pip's report of an installation to requirements with hashes: see ``make requirements``."""

import json
import sys

LINE = "{name}=={version} \\\n    --hash=sha256:{digest}\n"
HEAD = """\
# What production installs, with the SHA-256 of every file: Python 3.11 on Linux, x86-64.
# Made by `make requirements` from constraints.txt; install it with
#   pip install --require-hashes -r deployments/requirements.txt
#   pip install --no-deps --no-build-isolation -e .
"""


def main() -> None:
    """Read the report from standard input, write requirements to standard output."""
    lines = []
    for each in json.load(sys.stdin)["install"]:
        hashes = each["download_info"].get("archive_info", {}).get("hashes", {})
        if "dir_info" in each["download_info"]:  # vkflow itself
            continue
        about = each["metadata"]
        lines.append(
            LINE.format(
                name=about["name"].lower().replace("_", "-"),
                version=about["version"],
                digest=hashes["sha256"],
            )
        )
    sys.stdout.write(HEAD + "".join(sorted(lines)))


if __name__ == "__main__":
    main()
