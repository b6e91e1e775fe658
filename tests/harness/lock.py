"""`make lock`: write both locks, for every platform and without the address of any package index."""

import os
import subprocess
import sys

COMPILE = (
    sys.executable,
    "-m",
    "piptools",
    "compile",
    "--quiet",
    "--upgrade",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-emit-options",
    "pyproject.toml",
)


def main() -> None:
    """Pin what the product needs, then the same versions together with what developing it needs."""
    environment = {**os.environ, "CUSTOM_COMPILE_COMMAND": "make lock"}
    compile_lock = [*COMPILE, "--output-file", "requirements.lock"]
    subprocess.run(compile_lock, check=True, env=environment)
    with_tools = [
        *COMPILE,
        "--extra",
        "dev",
        "--constraint",
        "requirements.lock",
        "--output-file",
        "requirements-dev.lock",
    ]
    subprocess.run(with_tools, check=True, env=environment)


if __name__ == "__main__":
    main()
