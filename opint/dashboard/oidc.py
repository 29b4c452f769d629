"""Sign-in by an OpenID Connect provider: authorization code flow with PKCE, state and nonce (authlib).

The provider's metadata is fetched when somebody first signs in, its keys each time, since they may be rotated.
What the browser has to remember between leaving and coming back is in a signed cookie of ten minutes.
"""

from typing import TYPE_CHECKING, Any

import structlog
from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from conf.dashboard import OidcSettings
from opint.accounts.roles import granted_role
from opint.accounts.sign_in import Person, SignInRefusedError, admit
from opint.dashboard.identity import parse_role, parse_roles
from opint.store.accounts import Account
from opint.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLBACK = "/sign-in/oidc/callback"
TIMEOUT_S = 10.0
REMEMBERED_S = 600
"""How long somebody may take at the provider."""

MOST_CHARACTERS = 100
"""Of names that a provider gives."""

log = structlog.get_logger()


class OidcClient:
    """nightshift as a client of one provider."""

    def __init__(self, settings: OidcSettings, public_url: str) -> None:
        """Nothing is fetched yet."""
        from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415 - only where a provider is configured

        self._settings, self._callback = settings, public_url.rstrip("/") + CALLBACK
        self._client: Any = OAuth().register(
            "provider",
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value() or None,
            server_metadata_url=settings.issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "timeout": TIMEOUT_S,
                "token_endpoint_auth_method": "client_secret_basic" if settings.client_secret else "none",
            },
        )

    async def redirect(self, request: Request) -> Response:
        """Send the browser to the provider. Raises HTTPException 502 if it does not answer."""
        import httpx2  # noqa: PLC0415 - as above

        try:
            response: Response = await self._client.authorize_redirect(request, self._callback)
        except (httpx2.HTTPError, ValueError) as error:
            raise self._away(error) from error
        return response

    async def admit(self, request: Request, store: Store, now_s: float) -> Account:
        """The account of who comes back from the provider.

        Raises SignInRefusedError where the provider, the answer's checks or the roles refuse, HTTPException 502 if the
        provider does not answer.
        """
        import httpx2  # noqa: PLC0415 - as above
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - as above
        from joserfc.errors import JoseError  # noqa: PLC0415 - as above

        # authlib keeps the provider's keys; one that was rotated under the same name would not be fetched again.
        self._client.server_metadata.pop("jwks", None)
        try:
            token = await self._client.authorize_access_token(request)
            claims: Mapping[str, object] = token.get("userinfo") or {}
        except (AuthlibBaseError, JoseError) as error:
            log.warning("an answer of the sign-in provider was refused", reason=str(error)[:300])
            raise SignInRefusedError(
                "The provider's answer was refused: it is too old, was used before, or is not for this page. Try again."
            ) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise self._away(error) from error
        return await run_in_threadpool(admit, store, self._person(claims), now_s)

    def _person(self, claims: "Mapping[str, object]") -> Person:
        subject = str(claims.get("sub", ""))
        if not subject:
            raise SignInRefusedError("The provider did not say who you are (no claim sub).")
        name = str(claims.get(self._settings.name_claim) or claims.get("email") or subject)[:MOST_CHARACTERS]
        groups = claims.get(self._settings.groups_claim)
        listed = [str(group) for group in groups] if isinstance(groups, list) else []
        role = granted_role(listed, parse_roles(self._settings.roles), parse_role(self._settings.default_role))
        if role is None:
            raise SignInRefusedError(f"{name!r} is in no group that has a role here; ask an administrator.")
        real_name = str(claims.get("name") or name)[:MOST_CHARACTERS]
        return Person(name, real_name, role, self._settings.issuer, subject)

    def _away(self, error: Exception) -> HTTPException:
        log.warning("the sign-in provider does not answer", issuer=self._settings.issuer, reason=str(error)[:300])
        return HTTPException(502, "The sign-in provider does not answer. Try again, or ask an administrator.")
