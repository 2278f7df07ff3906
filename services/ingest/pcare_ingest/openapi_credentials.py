"""How callers prove who they are, in the OpenAPI document."""

from typing import Any, Final

from pcare_ingest.caller_settings import TOKEN_PATH
from pcare_ingest.public_keys import ALGORITHMS
from pcare_ingest.token_endpoint import ASSERTION_TYPE, FORM, GRANT

SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"apiKey": []}, {"oauth2": []}]
"""Any one of them will do."""

_CODES: Final = ("invalid_request", "invalid_client", "unsupported_grant_type", "temporarily_unavailable")


def schemes() -> dict[str, Any]:
    """Return the `securitySchemes`."""
    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or an access token."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
        "oauth2": {
            "type": "oauth2",
            "description": f"A client proves who it is by a JSON Web Token that it signs with its private key "
            f"(private_key_jwt: {', '.join(ALGORITHMS)}).",
            "flows": {"clientCredentials": {"tokenUrl": TOKEN_PATH, "scopes": {}}},
        },
    }


def schemas() -> dict[str, Any]:
    """Return the schemas of the answers at the token's address."""
    return {
        "Token": {
            "type": "object",
            "properties": {
                "access_token": {"type": "string"},
                "token_type": {"const": "Bearer"},
                "expires_in": {"type": "integer", "description": "Seconds"},
            },
            "required": ["access_token", "token_type", "expires_in"],
        },
        "TokenRefused": {
            "type": "object",
            "properties": {
                "error": {"enum": list(_CODES)},
                "error_description": {"type": "string", "description": "What to do next"},
            },
            "required": ["error", "error_description"],
        },
    }


def paths() -> dict[str, Any]:
    """Return the path of the token endpoint."""
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/TokenRefused"}}}
    waits = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    return {
        TOKEN_PATH: {
            "post": {
                "operationId": "getToken",
                "summary": "Get an access token for a signed assertion (RFC 6749, RFC 7523)",
                "tags": ["credentials"],
                "security": [],
                "requestBody": {
                    "required": True,
                    "content": {
                        FORM: {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "grant_type": {"const": GRANT},
                                    "client_assertion_type": {"const": ASSERTION_TYPE},
                                    "client_assertion": {"type": "string", "description": "The signed JSON Web Token"},
                                    "client_id": {"type": "string", "description": "If given: that of the assertion"},
                                },
                                "required": ["grant_type", "client_assertion_type", "client_assertion"],
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "A token. Use it until it expires, then get another.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Token"}}},
                    },
                    "400": {"description": "The request is not one for a token.", "content": refused},
                    "401": {
                        "description": "The client did not prove who it is.",
                        "headers": {"WWW-Authenticate": {"description": "How to", "schema": {"type": "string"}}},
                        "content": refused,
                    },
                    "429": {"description": "Too many requests, or failures.", "headers": waits, "content": refused},
                    "503": {"description": "Ask again as Retry-After says.", "headers": waits, "content": refused},
                },
            }
        }
    }
