"""File names that point elsewhere, turn the writing direction, end early, or never."""

from __future__ import annotations

from tests.services.docproc.hostile.case import RIVER, Hostile, read

_NAMES = {
    "a way out of the folder": "../../../../etc/passwd",
    "a way out, by backslashes": "..\\..\\windows\\system32\\config\\sam.txt",
    "an absolute path": "/etc/shadow",
    "a path of Windows": "C:\\boot.ini",
    "a share of Windows": "\\\\127.0.0.1\\c$\\x.txt",
    "NUL in its midst": "report.txt\0.exe",
    "a mark that turns the direction": "gpj\u202etxt.exe",
    "4,096 characters": "n" * 4_092 + ".txt",
    "4,096 characters behind the dot": "n." + "t" * 4_094,
    "a line of a log": 'x.txt\n{"level":"info","event":"forged"}',
    "colours of a terminal": "\x1b[2J\x1b[31mred.txt",
    "nothing but dots": "....",
    "a blank": " ",
    "the parent folder": "..",
    "a device of Windows": "CON.txt",
    "a stream of Windows": "notes.txt::$DATA",
    "two suffixes": "report.pdf.txt",
    "nothing but a suffix": ".txt",
    "a template": "{{7*7}}${jndi:ldap://x}%s%n.txt",
    "a command": "$(touch x);`touch x`|touch x.txt",
    "an option": "--help.txt",
    "accents beyond counting": "e" + "\u0301" * 2_000 + ".txt",
    "letters of another plane": "\U0001f30a" * 100 + ".txt",
    "markup": "<img src=x onerror=alert(1)>.txt",
}

CASES: tuple[Hostile, ...] = tuple(read(f"a name that is {what}", name, RIVER.encode) for what, name in _NAMES.items())
