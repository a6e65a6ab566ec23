// Google's own client of OAuth 2, unmodified, against this server: prints where the user is to go, reads the code that the
// user's browser was given, and prints what came of it as JSON.
import { createInterface } from 'node:readline';
import { OAuth2Client } from 'google-auth-library';

const [origin, issuer, clientId, clientSecret, clientAuthentication] = process.argv.slice(2);
const redirectUri = 'http://127.0.0.1:5173/callback';
const client = new OAuth2Client({
  clientId, clientSecret: clientSecret || undefined, redirectUri, clientAuthentication, issuers: [issuer],
  endpoints: {
    oauth2AuthBaseUrl: `${origin}/oauth/authorize`, oauth2TokenUrl: `${origin}/oauth/token`, oauth2RevokeUrl: `${origin}/oauth/revoke`,
    tokenInfoUrl: `${origin}/oauth/tokeninfo`, oauth2FederatedSignonJwkCertsUrl: `${origin}/oauth/jwks`,
    oauth2FederatedSignonPemCertsUrl: `${origin}/oauth/certs`,
  },
});
const { codeVerifier, codeChallenge } = await client.generateCodeVerifierAsync();
console.log(client.generateAuthUrl({
  access_type: 'offline', include_granted_scopes: true, state: 'the state', code_challenge_method: 'S256', code_challenge: codeChallenge,
  scope: ['openid', 'email', 'https://mail.google.com/'],
}));
const code = (await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()).value;
const seen = {};
const { tokens } = await client.getToken({ code, codeVerifier });
client.setCredentials(tokens);
seen.scope = tokens.scope;
seen.access = tokens.access_token;
seen.email = (await client.verifyIdToken({ idToken: tokens.id_token, audience: clientId })).getPayload().email;
const info = await client.getTokenInfo(tokens.access_token);
seen.info = { aud: info.aud, scopes: info.scopes, email: info.email, lives: info.expiry_date > Date.now() };
let turned;
client.on('tokens', (fresh) => { turned = fresh.refresh_token; });
seen.refreshed = (await client.refreshAccessToken()).credentials.access_token;
seen.turned = Boolean(turned);
seen.userinfo = (await client.request({ url: `${origin}/oauth/userinfo` })).data.email;
await client.getToken({ code, codeVerifier }).catch((error) => { seen.secondUse = error.response.data.error; });
await client.getTokenInfo(seen.refreshed).catch((error) => { seen.afterSecondUse = error.response.data.error; });
seen.revoked = (await client.revokeToken(seen.refreshed)).status;
console.log(JSON.stringify(seen));
