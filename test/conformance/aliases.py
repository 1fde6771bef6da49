# SPDX-License-Identifier: GPL-3.0-or-later
"""Two names of types that securesystemslib wants, and Debian's cryptography has under older ones."""
from cryptography.hazmat.primitives.asymmetric import types

for name, older in (("PrivateKeyTypes", "PRIVATE_KEY_TYPES"), ("PublicKeyTypes", "PUBLIC_KEY_TYPES")):
    if not hasattr(types, name):
        setattr(types, name, getattr(types, older))
