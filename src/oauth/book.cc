#include "oauth/book.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "oauth/redirect.h"

namespace pabal::oauth {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kRefreshMark = "pabalr_";  // so that programs that look for leaked secrets know one
constexpr size_t kFamilyOctets = 16, kSecretOctets = 32;
constexpr std::string_view kCodeLetters = "BCDFGHJKLMNPQRSTVWXZ";  // RFC 8628 §6.1: no vowels, nothing alike
constexpr size_t kCodeLength = 8;

// --- keys -----------------------------------------------------------------------------------------------------------
//   O c ID               client
//   O g account:u32 id   grant, with expiry
//   O a hash             authorisation code, with expiry
//   O d hash             device code, with expiry
//   O u CODE             user code: the device's hash, with expiry
//   O s registration     there: clients may register themselves
//   O k                  the key that identity tokens are signed with (signing.cc)
std::string client_key(std::string_view id) { return Encoder().raw("Oc").raw(id).take(); }
std::string grants_prefix(uint32_t account) { return Encoder().raw("Og").u32(account).take(); }
std::string grant_key(uint32_t account, uint64_t id) { return Encoder().raw("Og").u32(account).u64(id).take(); }
std::string code_key(std::string_view secret) { return Encoder().raw("Oa").raw(sha256(secret)).take(); }
std::string device_key(std::string_view secret) { return Encoder().raw("Od").raw(sha256(secret)).take(); }
std::string user_code_key(std::string_view code) { return Encoder().raw("Ou").raw(code).take(); }
constexpr std::string_view kRegistration = "Osregistration";

// --- records --------------------------------------------------------------------------------------------------------
void put_time(Encoder& out, Time t) { out.u64(static_cast<uint64_t>(to_micros(t))); }
Time get_time(Decoder& in) { return from_micros(static_cast<int64_t>(in.u64())); }
void put_list(Encoder& out, const std::vector<std::string>& list) {
  out.varint(list.size());
  for (const std::string& one : list) out.string(one);
}
std::vector<std::string> get_list(Decoder& in) {
  std::vector<std::string> out;
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) out.emplace_back(in.string());
  return out;
}
const Error& damaged() {
  static const Error error{Code::kCorrupt, "a record of the authorisation server is damaged; run pabal verify"};
  return error;
}

std::string encode(const Client& c) {
  Encoder out;
  out.u8(kVersion).string(c.name).string(c.secret_hash);
  put_list(out, c.redirects);
  out.boolean(c.device).boolean(c.introspect).boolean(c.registered);
  put_time(out, c.created);
  return out.take();
}
std::optional<Client> decode_client(std::string_view key, std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Client c;
  c.id = key.substr(2);
  c.name = in.string();
  c.secret_hash = in.string();
  c.redirects = get_list(in);
  c.device = in.boolean();
  c.introspect = in.boolean();
  c.registered = in.boolean();
  c.created = get_time(in);
  if (!in.ok()) return {};
  return c;
}

std::string encode(const Grant& g) {
  Encoder out;
  out.u8(kVersion).string(g.client);
  put_list(out, g.scopes);
  for (const Time t : {g.created, g.used, g.expires, g.signed_in}) put_time(out, t);
  return out.string(g.family_hash).string(g.refresh_hash).take();
}
std::optional<Grant> decode_grant(std::string_view key, std::string_view record) {
  Decoder name(key.substr(2)), in(record);
  if (in.u8() != kVersion) return {};
  Grant g;
  g.account = name.u32();
  g.id = name.u64();
  g.client = in.string();
  g.scopes = get_list(in);
  for (Time* t : {&g.created, &g.used, &g.expires, &g.signed_in}) *t = get_time(in);
  g.family_hash = in.string();
  g.refresh_hash = in.string();
  if (!in.ok() || !name.ok()) return {};
  return g;
}

std::string encode(const AuthCode& c) {
  Encoder out;
  out.u8(kVersion).string(c.client).string(c.redirect).string(c.challenge).string(c.nonce).u32(c.account);
  put_list(out, c.scopes);
  out.boolean(c.refresh);
  put_time(out, c.signed_in);
  put_time(out, c.expires);
  return out.u64(c.grant).take();
}
std::optional<AuthCode> decode_code(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  AuthCode c;
  c.client = in.string();
  c.redirect = in.string();
  c.challenge = in.string();
  c.nonce = in.string();
  c.account = in.u32();
  c.scopes = get_list(in);
  c.refresh = in.boolean();
  c.signed_in = get_time(in);
  c.expires = get_time(in);
  c.grant = in.u64();
  if (!in.ok()) return {};
  return c;
}

std::string encode(const Device& d) {
  Encoder out;
  out.u8(kVersion).string(d.client).string(d.user_code);
  put_list(out, d.scopes);
  out.u8(static_cast<uint8_t>(d.state)).u32(d.account);
  put_time(out, d.signed_in);
  put_time(out, d.expires);
  return out.take();
}
std::optional<Device> decode_device(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Device d;
  d.client = in.string();
  d.user_code = in.string();
  d.scopes = get_list(in);
  const uint8_t state = in.u8();
  if (state > static_cast<uint8_t>(Device::State::kDenied)) return {};
  d.state = static_cast<Device::State>(state);
  d.account = in.u32();
  d.signed_in = get_time(in);
  d.expires = get_time(in);
  if (!in.ok()) return {};
  return d;
}

// A record, if it is there and whole.
template <typename Decode>
auto read(const store::Reader& r, const std::string& key, Decode decode)
    -> Result<decltype(decode(std::string_view()))> {
  const auto record = r.get(key);
  if (!record) return record.error();
  decltype(decode(std::string_view())) out;
  if (!*record) return out;
  out = decode(**record);
  if (!out) return damaged();
  return out;
}

std::string refresh_token(uint32_t account, uint64_t grant, std::string_view family, std::string_view secret) {
  return std::string(kRefreshMark) + text::base64url(Encoder().u32(account).u64(grant).raw(family).raw(secret).take());
}

// RFC 7636 §4.1: 43 to 128 unreserved characters.
bool is_verifier(std::string_view s) {
  return s.size() >= 43 && s.size() <= 128 && std::all_of(s.begin(), s.end(), [](char c) {
           return text::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
         });
}

}  // namespace

bool within(const std::vector<std::string>& wanted, const std::vector<std::string>& granted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& scope) {
    return std::find(granted.begin(), granted.end(), scope) != granted.end();
  });
}

// --- clients --------------------------------------------------------------------------------------------------------

std::string Book::make_client_id() const { return text::hex(random_.bytes(12)); }
std::string Book::make_secret() const { return "pabals_" + text::base64url(random_.bytes(kSecretOctets)); }

Result<void> Book::add_client(store::Transaction& t, Client client) const {
  const bool plain = !client.id.empty() && client.id.size() <= kMaxClientName &&
                     std::all_of(client.id.begin(), client.id.end(),
                                 [](char c) { return text::is_alnum(c) || c == '-' || c == '.' || c == '_'; });
  if (!plain)
    return Error{Code::kInvalid, "a client's id has letters, digits, hyphens, dots and underscores, up to 100"};
  if (client.name.empty() || client.name.size() > kMaxClientName || !text::is_utf8(client.name) ||
      std::any_of(client.name.begin(), client.name.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }))
    return Error{Code::kInvalid, "a client's name is up to 100 octets of text"};
  if (client.redirects.size() > kMaxRedirects) return Error{Code::kInvalid, "a client has up to 20 redirect URIs"};
  if (client.redirects.empty() && !client.device && !client.introspect)
    return Error{Code::kInvalid, "a client needs a redirect URI, or the device flow"};
  for (const std::string& uri : client.redirects)
    if (const auto good = check_redirect(uri); !good) return Error{Code::kInvalid, uri + ": " + good.error().message};
  const auto all = clients(t);
  if (!all) return all.error();
  if (all->size() >= kMaxClients) return Error{Code::kLimit, "there are 10,000 clients; remove some first"};
  if (std::any_of(all->begin(), all->end(), [&](const Client& other) { return other.id == client.id; }))
    return Error{Code::kExists, "there is a client " + client.id + " already"};
  client.created = clock_.now();
  t.put(client_key(client.id), encode(client));
  return {};
}

Result<std::optional<Client>> Book::client(const store::Reader& r, std::string_view id) const {
  if (id.empty() || id.size() > kMaxClientName) return std::optional<Client>();
  const std::string key = client_key(id);
  return read(r, key, [&](std::string_view record) { return decode_client(key, record); });
}

Result<std::vector<Client>> Book::clients(const store::Reader& r) const {
  const auto entries = r.list(store::Range::prefix("Oc"));
  if (!entries) return entries.error();
  std::vector<Client> out;
  for (const store::Entry& entry : *entries) {
    auto client = decode_client(entry.key, entry.value);
    if (!client) return damaged();
    out.push_back(std::move(*client));
  }
  return out;
}

Result<void> Book::remove_client(store::Transaction& t, std::string_view id) const {
  const auto there = client(t, id);
  if (!there) return there.error();
  if (!*there)
    return Error{Code::kNotFound, "there is no client " + std::string(id) + "; `pabal oauth client list` shows them"};
  t.erase(client_key(id));
  const auto entries = t.list(store::Range::prefix("Og"));
  if (!entries) return entries.error();
  for (const store::Entry& entry : *entries) {
    const auto grant = decode_grant(entry.key, entry.value);
    if (!grant) return damaged();
    if (grant->client != id) continue;
    if (const auto gone = revoke(t, grant->account, grant->id); !gone) return gone;
  }
  return {};
}

Result<bool> Book::registration(const store::Reader& r) const {
  const auto found = r.get(kRegistration);
  if (!found) return found.error();
  return found->has_value();
}

void Book::set_registration(store::Transaction& t, bool on) const {
  if (on)
    t.put(kRegistration, "1");
  else
    t.erase(kRegistration);
}

// --- grants ---------------------------------------------------------------------------------------------------------

Result<std::vector<Grant>> Book::grants(const store::Reader& r, uint32_t account) const {
  const auto entries = r.list(store::Range::prefix(grants_prefix(account)));
  if (!entries) return entries.error();
  std::vector<Grant> out;
  for (const store::Entry& entry : *entries) {
    auto grant = decode_grant(entry.key, entry.value);
    if (!grant) return damaged();
    out.push_back(std::move(*grant));
  }
  std::sort(out.begin(), out.end(), [](const Grant& a, const Grant& b) { return a.created < b.created; });
  return out;
}

Result<std::optional<Grant>> Book::grant(const store::Reader& r, uint32_t account, uint64_t id) const {
  const std::string key = grant_key(account, id);
  return read(r, key, [&](std::string_view record) { return decode_grant(key, record); });
}

Result<void> Book::revoke(store::Transaction& t, uint32_t account, uint64_t grant) const {
  t.erase(grant_key(account, grant));
  const std::string name = std::to_string(grant);
  return directory_.revoke_tokens(t, account, [&](const identity::Token& token) { return token.grant == name; });
}

Result<void> Book::make_room(store::Transaction& t, uint32_t account) const {
  const auto all = grants(t, account);
  if (!all) return all.error();
  if (all->size() < kMaxGrants) return {};
  const auto oldest =
      std::min_element(all->begin(), all->end(), [](const Grant& a, const Grant& b) { return a.used < b.used; });
  return revoke(t, account, oldest->id);
}

Fresh Book::fresh(uint32_t account) const {
  return {directory_.make_token(account), random_.bytes(kFamilyOctets), random_.bytes(kSecretOctets),
          random_.next_u64() | 1};
}

// An access token of the grant, and the grant as it is now.
Result<Issued> Book::issue(store::Transaction& t, Grant grant, const Fresh& fresh,
                           std::vector<std::string> scopes) const {
  const auto client_of = client(t, grant.client);
  if (!client_of) return client_of.error();
  const auto owner = directory_.account(t, grant.account);
  if (!owner) return owner.error();
  if (!*owner || !(*owner)->enabled) return Error{Code::kNotFound, "the account has gone, or is switched off"};
  grant.used = clock_.now();
  grant.expires = grant.used + (grant.refresh_hash.empty() ? Duration(kAccessLife) : Duration(kRefreshLife));
  identity::Token token;
  token.scopes = scopes;
  token.label = *client_of ? (*client_of)->name : grant.client;
  token.client = grant.client;
  token.grant = std::to_string(grant.id);
  token.expires = grant.used + kAccessLife;
  const auto issued = directory_.issue_token(t, grant.account, fresh.access, token);
  if (!issued) return issued.error();
  t.put_until(grant_key(grant.account, grant.id), encode(grant), grant.expires);
  Issued out;
  out.access = fresh.access;
  out.grant = std::move(grant);
  out.scopes = std::move(scopes);
  return out;
}

// A new grant: its first tokens.
Result<Issued> Book::begin(store::Transaction& t, Grant grant, bool refresh, const Fresh& fresh) const {
  if (const auto room = make_room(t, grant.account); !room) return room.error();
  grant.id = fresh.grant;
  grant.created = clock_.now();
  const std::string token = refresh_token(grant.account, grant.id, fresh.family, fresh.refresh);
  if (refresh) {
    grant.family_hash = sha256(fresh.family);
    grant.refresh_hash = sha256(token);
  }
  const std::vector<std::string> scopes = grant.scopes;
  auto issued = issue(t, std::move(grant), fresh, scopes);
  if (issued && refresh) issued->refresh = token;
  return issued;
}

// --- codes ----------------------------------------------------------------------------------------------------------

void Book::put_code(store::Transaction& t, std::string_view secret, const AuthCode& code) const {
  t.put_until(code_key(secret), encode(code), code.expires + kCodeMemory);
}

Result<std::optional<AuthCode>> Book::code(const store::Reader& r, std::string_view secret) const {
  return read(r, code_key(secret), decode_code);
}

Result<Outcome> Book::redeem(store::Transaction& t, const Exchange& exchange, const Fresh& fresh) const {
  const auto found = code(t, exchange.code);
  if (!found) return found.error();
  const Outcome wrong = Refusal{"invalid_grant", "the code is wrong, has expired, or is of another client"};
  if (!*found || (*found)->client != exchange.client) return wrong;
  AuthCode code = **found;
  if (code.grant) {  // RFC 6749 §4.1.2: a second use ends what came of the first
    if (const auto gone = revoke(t, code.account, code.grant); !gone) return gone.error();
    return Outcome(Refusal{"invalid_grant", "the code was used before; what it had given has been revoked"});
  }
  if (code.expires <= clock_.now()) return wrong;
  if (code.redirect != exchange.redirect)
    return Outcome(Refusal{"invalid_grant", "redirect_uri is not the one that the code was sent to"});
  // RFC 7636 §4.6. A verifier without a challenge: somebody took the challenge out (RFC 9700 §2.1.1).
  const bool proven = code.challenge.empty()
                          ? exchange.verifier.empty()
                          : is_verifier(exchange.verifier) &&
                                text::same_secret(text::base64url(sha256(exchange.verifier)), code.challenge);
  if (!proven) {
    t.erase(code_key(exchange.code));  // one guess
    return Outcome(Refusal{"invalid_grant", "code_verifier does not fit code_challenge"});
  }
  Grant grant;
  grant.account = code.account;
  grant.client = code.client;
  grant.scopes = code.scopes;
  grant.signed_in = code.signed_in;
  auto issued = begin(t, std::move(grant), code.refresh, fresh);
  if (!issued && issued.code() == Code::kNotFound) return wrong;
  if (!issued) return issued.error();
  issued->nonce = code.nonce;
  code.grant = issued->grant.id;
  put_code(t, exchange.code, code);
  return Outcome(std::move(*issued));
}

// --- refresh tokens -------------------------------------------------------------------------------------------------

std::optional<Book::RefreshName> Book::parse_refresh(std::string_view token) {
  if (!token.starts_with(kRefreshMark)) return {};
  const auto octets = text::unbase64url(token.substr(kRefreshMark.size()));
  if (!octets || octets->size() != 4 + 8 + kFamilyOctets + kSecretOctets) return {};
  Decoder in(*octets);
  RefreshName out;
  out.account = in.u32();
  out.grant = in.u64();
  out.family = in.raw(kFamilyOctets);
  return out;
}

Result<std::optional<Grant>> Book::grant_of(const store::Reader& r, std::string_view refresh, Which which) const {
  const auto name = parse_refresh(refresh);
  if (!name) return std::optional<Grant>();
  auto found = grant(r, name->account, name->grant);
  if (!found || !*found) return found;
  const bool known = which == Which::kGood ? text::same_secret((*found)->refresh_hash, sha256(refresh))
                                           : text::same_secret((*found)->family_hash, sha256(name->family));
  if (!known) return std::optional<Grant>();
  return found;
}

Result<Outcome> Book::refresh(store::Transaction& t, const Client& client, const Renewal& renewal,
                              const Fresh& fresh) const {
  const Outcome wrong = Refusal{"invalid_grant", "the refresh token is wrong, has expired or was revoked"};
  const auto name = parse_refresh(renewal.refresh);
  if (!name) return wrong;
  const auto found = grant(t, name->account, name->grant);
  if (!found) return found.error();
  if (!*found || (*found)->client != client.id) return wrong;
  Grant grant = **found;
  // What is of the family but not the last of it was good once: two have it, and one of them has stolen it.
  if (!text::same_secret(grant.family_hash, sha256(name->family))) return wrong;
  if (!text::same_secret(grant.refresh_hash, sha256(renewal.refresh))) {
    if (const auto gone = revoke(t, grant.account, grant.id); !gone) return gone.error();
    return Outcome(Refusal{"invalid_grant", "the refresh token was used before; all of its family have been revoked"});
  }
  if (!within(renewal.scopes, grant.scopes)) return Outcome(Refusal{"invalid_scope", "that is more than was granted"});
  std::string next;
  if (client.is_public()) {
    next = refresh_token(grant.account, grant.id, name->family, fresh.refresh);
    grant.refresh_hash = sha256(next);
  }
  const std::vector<std::string> scopes = renewal.scopes.empty() ? grant.scopes : renewal.scopes;
  auto issued = issue(t, std::move(grant), fresh, scopes);
  if (!issued && issued.code() == Code::kNotFound) return wrong;
  if (!issued) return issued.error();
  issued->refresh = next;
  return Outcome(std::move(*issued));
}

// --- devices --------------------------------------------------------------------------------------------------------

std::string Book::make_user_code() const {
  std::string out;
  for (size_t i = 0; i < kCodeLength; ++i) {
    if (i == kCodeLength / 2) out += '-';
    out += kCodeLetters[random_.below(kCodeLetters.size())];
  }
  return out;
}

std::string Book::normal_user_code(std::string_view typed) {
  std::string out;
  for (const char c : typed.substr(0, 100)) {
    const char letter = text::upper(c);
    if (kCodeLetters.find(letter) != kCodeLetters.npos)
      out += letter;
    else if (text::is_alnum(c))
      return "";
  }
  return out.size() == kCodeLength ? out : "";
}

void Book::put_device(store::Transaction& t, std::string_view secret, const Device& device) const {
  const std::string key = device_key(secret);
  t.put_until(key, encode(device), device.expires + kDeviceLife);  // known a while as one that has expired
  t.put_until(user_code_key(normal_user_code(device.user_code)), key, device.expires);
}

Result<std::optional<Device>> Book::device(const store::Reader& r, std::string_view secret) const {
  return read(r, device_key(secret), decode_device);
}

Result<std::optional<Device>> Book::device_by_code(const store::Reader& r, std::string_view user_code) const {
  const std::string normal = normal_user_code(user_code);
  if (normal.empty()) return std::optional<Device>();
  const auto key = r.get(user_code_key(normal));
  if (!key) return key.error();
  if (!*key) return std::optional<Device>();
  return read(r, **key, decode_device);
}

Result<void> Book::answer_device(store::Transaction& t, std::string_view user_code, bool yes, uint32_t account,
                                 Time signed_in) const {
  const Error ended{Code::kNotFound, "that code has ended, or was answered before"};
  const std::string normal = normal_user_code(user_code);
  if (normal.empty()) return ended;
  const auto key = t.get(user_code_key(normal));
  if (!key) return key.error();
  if (!*key) return ended;
  const auto found = read(t, **key, decode_device);
  if (!found) return found.error();
  if (!*found || (*found)->expires <= clock_.now() || (*found)->state != Device::State::kPending) return ended;
  Device device = **found;
  device.state = yes ? Device::State::kApproved : Device::State::kDenied;
  device.account = account;
  device.signed_in = signed_in;
  t.put_until(**key, encode(device), device.expires + kDeviceLife);
  t.erase(user_code_key(normal));
  return {};
}

Result<Outcome> Book::redeem_device(store::Transaction& t, std::string_view client, std::string_view secret,
                                    const Fresh& fresh) const {
  const auto found = device(t, secret);
  if (!found) return found.error();
  if (!*found || (*found)->client != client)
    return Outcome(Refusal{"invalid_grant", "the device code is wrong, was used, or is of another client"});
  const Device& device = **found;
  if (device.expires <= clock_.now())
    return Outcome(Refusal{"expired_token", "the device code has expired; ask for another"});
  if (device.state == Device::State::kPending)
    return Outcome(Refusal{"authorization_pending", "the user has not answered yet"});
  t.erase(device_key(secret));
  if (device.state == Device::State::kDenied) return Outcome(Refusal{"access_denied", "the user has refused"});
  Grant grant;
  grant.account = device.account;
  grant.client = device.client;
  grant.scopes = device.scopes;
  grant.signed_in = device.signed_in;
  auto issued = begin(t, std::move(grant), true, fresh);
  if (!issued && issued.code() == Code::kNotFound)
    return Outcome(Refusal{"invalid_grant", "the account has gone, or is switched off"});
  if (!issued) return issued.error();
  return Outcome(std::move(*issued));
}

}  // namespace pabal::oauth
