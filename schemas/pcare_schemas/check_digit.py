"""The check digit of an NHS number: modulus 11 (ISB 0149, requirements 09 to 11)."""


def is_valid(number: str) -> bool:
    """Say whether this is an NHS number: ten ASCII digits, no separators, the last one the check digit.

    Weights 10 to 2 on the first nine; 11 minus the remainder of their sum by 11, where 11 is written 0 and a number
    that would need 10 is never issued. Ranges are not judged: test numbers (9...) identify too when mistaken.
    """
    if len(number) != 10 or not (number.isascii() and number.isdigit()):
        return False
    # Written out, on the bytes ("0" is 48, the weights add up to 54): every event at the edge pays for it, and a loop
    # costs seven times as much.
    d = number.encode()
    total = 10 * d[0] + 9 * d[1] + 8 * d[2] + 7 * d[3] + 6 * d[4] + 5 * d[5] + 4 * d[6] + 3 * d[7] + 2 * d[8] - 54 * 48
    return (11 - total % 11) % 11 == d[9] - 48
