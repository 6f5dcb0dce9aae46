"""`python -m tests.documents` writes the committed documents anew, after a change to what makes them."""

from __future__ import annotations

from tests.documents import catalogue

if __name__ == "__main__":
    catalogue.write(catalogue.FILES)
    total = sum(path.stat().st_size for path in catalogue.FILES.iterdir())
    print(f"{len(catalogue.SET)} documents and their manifest, {total / 1000:.0f} kB: {catalogue.FILES}")
