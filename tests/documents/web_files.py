"""HTML, Markdown, Jupyter notebooks and books."""

from __future__ import annotations

import json
from collections.abc import Mapping

from shared.errors import Code
from shared.media_types import EPUB, HTML, MARKDOWN, NOTEBOOK
from tests.documents.made import Made, refused
from tests.services.docproc.hostile.office_files import epub, item

PAGE = """<!DOCTYPE html>
<html lang="es">
<head><meta charset="utf-8"><title>El río y sus puentes</title>
<style>.aviso { color: red }</style>
<script>var contador = "visitas secretas";</script></head>
<body>
<nav><ul><li><a href="/">Inicio</a></li></ul></nav>
<h1>El r&iacute;o y sus <em>puentes</em></h1>
<p>El a&ntilde;o pasado el <b>Puente Viejo</b> cumpli&oacute;
doscientos a&ntilde;os; su piedra m&aacute;s alta est&aacute; a 12&nbsp;m del agua.</p>
<p hidden>Borrador sin publicar</p>
<table><thead><tr><th>Puente</th><th>Luz</th></tr></thead>
<tbody><tr><td>Viejo</td><td>38 m</td></tr><tr><td>de la Peña</td><td>24 m</td></tr></tbody></table>
<pre>nivel  =  2.40
  hora =  05:00</pre>
<!-- comentario del autor -->
</body></html>
"""

GREEK = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-7">
<title>Το ποτάμι</title></head>
<body><h2>Η στάθμη του ποταμού</h2><p>Κάθε πρωί ο φύλακας διαβάζει τη στάθμη.</p></body></html>
"""

NOTES = """# Journal de l'écluse

Le gardien note chaque jour la *hauteur* de l'eau, à l'aube.

## Où sont les mesures

| Station    | Hauteur |
|------------|--------:|
| Vieux pont |    2,40 |

1. ouvrir la porte
   - graisser d'abord
2. fermer

```sh
# ceci n'est pas un titre
mesurer --station "Vieux pont"
```
"""

BRIDGE = "# Über die Brücke\n\nNachts fährt niemand über die Brücke; größer wär das Übel, fiele man hinein.\n"


def notebook() -> bytes:
    """Prose, code and what it has printed, and an error in a terminal's colours."""
    metadata = {"language_info": {"name": "python"}}
    failed = {"output_type": "error", "ename": "ValueError", "evalue": "no gauge", "traceback": [RED]}
    printed = {"output_type": "stream", "name": "stdout", "text": ["mean level 2.40 m\n", "of 365 days\n"]}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Levels of a year\n", "\n", "One value a day."]},
        _code(["levels = read('levels.csv')\n", "print(levels.mean())"], printed),
        _code(["read('nowhere.csv')"], failed),
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}, indent=1).encode()


RED = "\x1b[0;31mValueError\x1b[0m: no gauge at the Lower Weir"


def _code(source: list[str], *outputs: Mapping[str, object]) -> dict[str, object]:
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": source, "outputs": [*outputs]}


CHAPTERS = {
    "spring": "<h1>Vår</h1><p>Isen går i april, och ån stiger över ängarna.</p>",
    "summer": "<h1>Sommar</h1><p>Fåglarna häckar på holmen; ingen får gå i land.</p><ul><li>hägern</li></ul>",
}


def book(**others: str) -> bytes:
    """Two chapters, which the list of what it holds has in another order than the spine."""
    parts = {
        f"{name}_xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'
        for name, body in CHAPTERS.items()
    }
    spine = "".join(f'<itemref idref="{name}"/>' for name in CHAPTERS)
    listed = "".join(item(name, f"{name}.xhtml") for name in reversed(CHAPTERS))
    return epub(spine, listed, **parts, **others)


def locked_book() -> bytes:
    """Behind DRM: a chapter is encrypted."""
    sealed = '<encryption><CipherReference URI="spring.xhtml"/></encryption>'
    return book(**{"META-INF__encryption_xml": sealed})


MADE = (
    Made(
        "page.html",
        PAGE.encode,
        HTML,
        strings=(
            "El río y sus puentes",
            "El año pasado el Puente Viejo cumplió doscientos años; su piedra más alta está a 12 m del agua.",
            "de la Peña 24 m",
            "hora = 05:00",
        ),
        forbidden=("visitas secretas", "color: red", "Borrador sin publicar", "comentario del autor"),
        tags=("script", "hidden", "table", "entities"),
    ),
    Made(
        "greek.html",
        lambda: GREEK.encode("iso8859-7"),
        HTML,
        strings=("Η στάθμη του ποταμού", "Κάθε πρωί ο φύλακας διαβάζει τη στάθμη."),
        tags=("ISO-8859-7",),
    ),
    Made(
        "notes.md",
        NOTES.encode,
        MARKDOWN,
        strings=("Journal de l'écluse", "à l'aube", "Vieux pont 2,40", "graisser d'abord", "ceci n'est pas un titre"),
        tags=("table", "code"),
    ),
    Made(
        "bridge.md",
        lambda: BRIDGE.encode("latin-1"),
        MARKDOWN,
        strings=("Über die Brücke", "größer wär das Übel"),
        tags=("Latin-1", "umlauts"),
    ),
    Made(
        "levels.ipynb",
        notebook,
        NOTEBOOK,
        strings=(
            "Levels of a year",
            "print(levels.mean())",
            "mean level 2.40 m",
            "ValueError: no gauge at the Lower Weir",
        ),
        forbidden=("[0;31m",),
        tags=("code", "colours"),
    ),
    Made(
        "seasons.epub",
        book,
        EPUB,
        pages={
            1: ("Vår", "Isen går i april, och ån stiger över ängarna."),
            2: ("Sommar", "Fåglarna häckar på holmen", "hägern"),
        },
        page_count=2,
        tags=("reading order",),
    ),
    refused("locked.epub", locked_book, Code.ENCRYPTED, EPUB),
)
