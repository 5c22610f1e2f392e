"""Pages in a headless Chromium, where there is one."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from shell import TIMEOUT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
    *("--virtual-time-budget=60000", "--dump-dom"),
]


def document_of(page: Path) -> str:
    """Return what a page is when its scripts have run, as HTML."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [str(CHROMIUM), *OPTIONS, f"--user-data-dir={profile}", page.as_uri()],
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
    return done.stdout.decode()
