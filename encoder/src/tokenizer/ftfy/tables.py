"""Print the tables of this folder from Python and ftfy 6.3.1, in the form used in the Rust sources.

python tables.py entities > entities.tsv
python tables.py codecs       # compare with single_byte_codec.rs
python tables.py categories   # compare with character_categories.rs
python tables.py clues        # compare with utf8_runs.rs
python tables.py digits       # compare with terminal_escapes.rs
"""

import html.entities
import re
import sys
import unicodedata

from ftfy import badness, chardata

EVERY_CHARACTER = [chr(code) for code in range(0x110000)]


def literal(char):
    """Return the character as in a Rust literal; invisible and combining characters are escaped."""
    visible = unicodedata.category(char)[0] not in "CZM"
    return char if visible else f"\\u{{{ord(char):x}}}"


def pattern(chars):
    """Return the characters as a Rust pattern, with runs of three or more as ranges."""
    runs = []
    for char in sorted(chars):
        if runs and ord(char) == ord(runs[-1][-1]) + 1:
            runs[-1].append(char)
        else:
            runs.append([char])
    parts = []
    for run in runs:
        parts += [f"'{literal(run[0])}'..='{literal(run[-1])}'"] if len(run) > 2 else [f"'{literal(c)}'" for c in run]
    return " | ".join(parts)


def members(regex_class):
    """Return the characters in a class of a regular expression."""
    return re.findall(f"[{regex_class}]", "".join(EVERY_CHARACTER))


def entities():
    """Print every entity name of HTML 5 with its characters; browsers accept those without `;`."""
    for name, value in sorted(html.entities.html5.items()):
        print(name, " ".join(f"{ord(char):X}" for char in value), sep="\t")


def codecs():
    """Print the characters of the bytes 80 to FF, 16 to a row."""
    for encoding in chardata.CHARMAP_ENCODINGS:
        print(f"// {encoding}")
        chars = bytes(range(0x80, 0x100)).decode(encoding)
        for row in range(8):
            print('    "' + "".join(map(literal, chars[16 * row :][:16])) + '",')


def categories():
    """Print the characters of each category of the mojibake heuristic."""
    for name, regex_class in badness.MOJIBAKE_CATEGORIES.items():
        print(f"        {pattern(members(regex_class))} => {name.upper()},")


def clues():
    """Print the characters that can be the first or a later byte of UTF-8."""
    for name, regex_class in chardata.UTF8_CLUES.items():
        print(f"        {pattern(members(regex_class))} => {name},")


def digits():
    """Print the zeros of all decimal digits."""
    zeros = [ord(char) for char in EVERY_CHARACTER if unicodedata.decimal(char, -1) == 0]
    print(", ".join(f"'\\u{{{zero:x}}}'" for zero in zeros))


for table in sys.argv[1:]:
    {f.__name__: f for f in (entities, codecs, categories, clues, digits)}[table]()
