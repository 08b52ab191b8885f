"""A JPEG file without what is no picture: places and names in EXIF, comments, bytes behind it."""

START, END, SCAN = 0xD8, 0xD9, 0xDA
KEPT_APPLICATIONS = (0xE0, 0xEE)
"""JFIF, and Adobe's note on how colours are coded: without it they would be others."""

APPLICATIONS, COMMENT = range(0xE0, 0xF0), 0xFE
STANDALONE = (0x01, *range(0xD0, 0xD8))


def cut_to_picture(content: bytes) -> bytes | None:
    """The file with its pixels as they are, coded in the same bytes.

    Returns:
        ``None`` where its parts do not follow one another as they should.
    """
    kept, at = [content[:2]], 2
    while True:
        if content[at : at + 1] != b"\xff" or at + 2 > len(content):
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker == END:
            return b"".join([*kept, content[at : at + 2]])
        if marker in STANDALONE:
            end = at + 2
        else:
            end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
            if end < at + 4 or end > len(content):
                return None
        is_note = marker == COMMENT or marker in APPLICATIONS
        if marker in KEPT_APPLICATIONS or not is_note:
            stop = _end_of_scan(content, end) if marker == SCAN else end
            if stop is None:
                return None
            kept.append(content[at:stop])
            end = stop
        at = end


def _end_of_scan(content: bytes, at: int) -> int | None:
    """Where the next marker is: in coded pixels 0xFF is followed by 0 or a restart marker."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return None
        if content[at + 1] != 0 and content[at + 1] not in STANDALONE:
            return at
        at += 2
