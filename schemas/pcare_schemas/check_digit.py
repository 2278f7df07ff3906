"""The check digit of an NHS number: modulus 11 (ISB 0149, requirements 09 to 11)."""


def is_valid(number: str) -> bool:
    """Say whether this is an NHS number: ten ASCII digits, no separators, the last one the check digit.

    Weights 10 to 2 on the first nine; 11 minus the remainder of their sum by 11, where 11 is written 0 and a number
    that would need 10 is never issued. Ranges are not judged: test numbers (9...) identify too when mistaken.
    """
    if len(number) != 10 or not (number.isascii() and number.isdigit()):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), number[:9], strict=True))
    return (11 - total % 11) % 11 == int(number[9])
