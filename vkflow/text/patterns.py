"""Regular expressions for what VK texts contain, in the syntax of Rust's regex (Polars)."""

LINE_BREAK = r"(?i)<br\s*/?>"
URL = r"(?i)\b(?:https?://|www\.)[^\s<>|\"]+|\b(?:vk\.(?:com|cc|ru)|t\.me|youtu\.be)/[^\s<>|\"]+"
# VK's own form, [id1|Name], [club1|Name] or [https://vk.com/name|Name], and @name; not the middle
# of an e-mail address.
VK_MENTION = r"\[(?:(?:id|club|public|event)\d+|https?://[^\]\[|\s]+)\|([^\]\[]*)\]"
AT_MENTION = r"(?:^|[^\w.@/])@[A-Za-z][\w.]*"
HASHTAG = r"(?:^|[^\w&/#])#[\p{L}\p{N}_]+"
WORD = r"[\p{L}\p{N}]+(?:[-'’][\p{L}\p{N}]+)*"
CAPITAL_WORD = r"\b\p{Lu}[\p{Lu}\p{N}]*\p{Lu}[\p{Lu}\p{N}]*\b"
NUMBER = r"\d+(?:[.,]\d+)*"
# One match for one emoji as people see it: flags, keycaps, skin tones and joined sequences.
# https://unicode.org/reports/tr51/#EBNF_and_Regex, less signs that are typography: © ® ™ ‼ ⁉ ℹ ↔
EMOJI = (
    r"\p{RI}\p{RI}|[0-9#*]\x{FE0F}?\x{20E3}|"
    r"[\p{Extended_Pictographic}--[©®™‼⁉ℹ↔]](?:\p{Emoji_Modifier}|\x{FE0F})?"
    r"(?:\x{200D}\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\x{FE0F})?)*"
)
CONTROL = r"[\p{Cc}--[\n\t]]|\x{FEFF}"
