#include "identity/tokens.h"

#include <algorithm>

#include "base/text.h"
#include "identity/directory.h"
#include "identity/keys.h"

namespace pabal::identity {
namespace {

constexpr uint8_t kVersion = 3;               // 1: without kind, client and grant; 2: without parent
constexpr std::string_view kMark = "pabal_";  // so that programs that look for leaked secrets know one
constexpr size_t kIdOctets = 8;               // of the hash

// Needs as bits.
constexpr std::string_view kNeeds[] = {kMailMetadata, kMailRead,   kMailModify, kMailInsert,   kMailDelete,
                                       kMailLabels,   kMailDrafts, kMailSend,   kMailSettings, kMailSettingsRead,
                                       kMailSharing,  kMailboxes,  kOpenId,     kEmail,        kProfile};
constexpr uint32_t bit(std::string_view need) {
  for (size_t i = 0; i < std::size(kNeeds); ++i)
    if (kNeeds[i] == need) return 1u << i;
  return 0;
}
constexpr uint32_t kAllMail = bit(kMailboxes) * 2 - 1;  // the first of the list, up to that one
constexpr uint32_t kSettingsBits = bit(kMailSettings) | bit(kMailSharing) | bit(kMailboxes);

// What Google's scopes allow: its list of scopes beside each method of the Gmail API.
struct Grant {
  std::string_view scope;
  uint32_t needs;
};
constexpr Grant kGrants[] = {
    {kMailRead, kAllMail & ~bit(kMailSend)},
    {kMailSend, bit(kMailSend)},
    {kOpenId, bit(kOpenId)},
    {kEmail, bit(kEmail)},
    {kProfile, bit(kProfile)},
    {kOfflineAccess, 0},
    {kGmail, kAllMail},
    {"https://www.googleapis.com/auth/gmail.readonly", bit(kMailMetadata) | bit(kMailRead) | bit(kMailSettingsRead)},
    {"https://www.googleapis.com/auth/gmail.modify", kAllMail & ~kSettingsBits & ~bit(kMailDelete)},
    {"https://www.googleapis.com/auth/gmail.compose", bit(kMailDrafts) | bit(kMailSend)},
    {"https://www.googleapis.com/auth/gmail.send", bit(kMailSend)},
    {"https://www.googleapis.com/auth/gmail.insert", bit(kMailInsert)},
    {"https://www.googleapis.com/auth/gmail.labels", bit(kMailLabels)},
    {"https://www.googleapis.com/auth/gmail.metadata", bit(kMailMetadata)},
    {"https://www.googleapis.com/auth/gmail.settings.basic", bit(kMailSettings) | bit(kMailSettingsRead)},
    {"https://www.googleapis.com/auth/gmail.settings.sharing", bit(kMailSharing)},
    {"https://www.googleapis.com/auth/userinfo.email", bit(kEmail)},
    {"https://www.googleapis.com/auth/userinfo.profile", bit(kProfile)},
};

std::string encode(const Token& token) {
  Encoder out;
  out.u8(kVersion).string(token.label).varint(token.scopes.size());
  for (const std::string& scope : token.scopes) out.string(scope);
  return out.u64(static_cast<uint64_t>(to_micros(token.created)))
      .u64(static_cast<uint64_t>(to_micros(token.expires)))
      .u8(static_cast<uint8_t>(token.kind))
      .string(token.client)
      .string(token.grant)
      .string(token.parent)
      .take();
}

// The key says whose it is and what its hash is.
std::optional<Token> decode(std::string_view key, std::string_view record) {
  Token token;
  Decoder name(key.substr(keys::kTokens.size()));
  token.account = name.u32();
  token.id = std::to_string(token.account) + "-" + text::hex(name.raw(kIdOctets));
  Decoder in(record);
  const uint8_t version = in.u8();
  if (version == 0 || version > kVersion) return {};
  token.label = in.string();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) token.scopes.emplace_back(in.string());
  token.created = from_micros(static_cast<int64_t>(in.u64()));
  token.expires = from_micros(static_cast<int64_t>(in.u64()));
  if (version > 1) {
    const uint8_t kind = in.u8();
    if (kind > static_cast<uint8_t>(Token::Kind::kTicket)) return {};
    token.kind = static_cast<Token::Kind>(kind);
    token.client = in.string();
    token.grant = in.string();
  }
  if (version > 2) token.parent = in.string();
  if (!in.ok() || !name.ok()) return {};
  return token;
}

// Made by its owner for a program, and listed until it ends; the others come and go by themselves.
bool is_own(const Token& token) { return token.kind == Token::Kind::kAccess && token.client.empty(); }

}  // namespace

std::vector<std::string_view> known_scopes() {
  std::vector<std::string_view> out;
  for (const Grant& grant : kGrants) out.push_back(grant.scope);
  return out;
}

bool is_scope(std::string_view name) {
  return std::any_of(std::begin(kGrants), std::end(kGrants), [&](const Grant& grant) { return grant.scope == name; });
}

bool covers(std::string_view scope, std::string_view need) {
  for (const Grant& grant : kGrants)
    if (grant.scope == scope) return (grant.needs & bit(need)) != 0;
  return false;
}

std::string_view scope_to_ask(std::string_view need) {
  if (need == kMailSend || !(bit(need) & kAllMail)) return need;
  return kMailRead;
}

bool Token::covers(std::string_view need) const {
  if (kind == Kind::kSession) return bit(need) != 0;
  return std::any_of(scopes.begin(), scopes.end(),
                     [&](const std::string& scope) { return identity::covers(scope, need); });
}

std::string Token::root() const {
  if (!grant.empty()) return std::string(kGrantRoot) + grant;
  return kind == Kind::kTicket ? parent : id;
}

std::string Directory::make_token(AccountId account) const {
  return std::string(kMark) + text::base64url(Encoder().u32(account).raw(random_.bytes(32)).take());
}

Result<Token> Directory::issue_token(store::Transaction& t, AccountId id, std::string_view secret, Token token) const {
  const auto there = account(t, id);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no such account"};
  if (token.scopes.empty() && token.kind != Token::Kind::kSession)
    return Error{Code::kInvalid, "a token has a scope at least"};
  for (const std::string& scope : token.scopes)
    if (!is_scope(scope))
      return Error{Code::kInvalid, "there is no scope " + scope + "; there are mail.read and mail.send, and Gmail's"};
  if (token.label.size() > kMaxTokenLabel || !text::is_utf8(token.label))
    return Error{Code::kInvalid, "a label has up to 200 octets of text"};
  token.created = clock_.now();
  if (token.expires <= token.created || token.expires - token.created > kMaxTokenLifetime)
    return Error{Code::kInvalid, "a token lives up to ten years"};
  const auto others = tokens(t, id);
  if (!others) return others.error();
  const auto alike = static_cast<size_t>(
      std::count_if(others->begin(), others->end(), [&](const Token& o) { return is_own(o) == is_own(token); }));
  if (is_own(token) && alike >= kMaxTokens)
    return Error{Code::kLimit, "the account has 1,000 tokens; revoke some first"};
  if (!is_own(token) && alike >= kMaxPassing) {
    const auto oldest = std::find_if(others->begin(), others->end(), [](const Token& o) { return !is_own(o); });
    if (const auto gone = revoke_token(t, oldest->id); !gone) return gone.error();
  }
  const std::string key = keys::token(id, sha256(secret)), record = encode(token);
  t.put_until(key, record, token.expires);
  return *decode(key, record);
}

Result<std::vector<Token>> Directory::tokens(const store::Reader& r, AccountId id) const {
  std::vector<Token> out;
  bool damaged = false;
  const auto scanned =
      r.scan(store::Range::prefix(keys::token(id, "")), [&](std::string_view key, std::string_view record) {
        auto token = decode(key, record);
        damaged = !token;
        if (token) out.push_back(std::move(*token));
        return !damaged;
      });
  if (!scanned) return scanned.error();
  if (damaged) return Error{Code::kCorrupt, "the record of a token is damaged; run pabal verify"};
  std::sort(out.begin(), out.end(), [](const Token& a, const Token& b) { return a.created < b.created; });
  return out;
}

// The beginning of the key of the token that an id names.
static std::optional<std::string> prefix_of(std::string_view id) {
  const size_t dash = id.find('-');
  const auto account = text::parse_u64(id.substr(0, dash));
  const auto hash = dash == id.npos ? std::nullopt : text::unhex(id.substr(dash + 1));
  if (!account || *account > UINT32_MAX || !hash || hash->size() != kIdOctets) return {};
  return keys::token(static_cast<AccountId>(*account), *hash);
}

Result<bool> Directory::has_token(const store::Reader& r, std::string_view id) const {
  const auto prefix = prefix_of(id);
  if (!prefix) return false;
  const auto found = r.list(store::Range::prefix(*prefix));
  if (!found) return found.error();
  for (const store::Entry& entry : *found)
    if (const auto token = decode(entry.key, entry.value); token && token->expires > clock_.now()) return true;
  return false;
}

Result<void> Directory::revoke_token(store::Transaction& t, std::string_view id) const {
  const auto prefix = prefix_of(id);
  const Error unknown{Code::kNotFound, "there is no token " + std::string(id) + "; `pabal token list` shows them"};
  if (!prefix) return unknown;
  const auto found = t.list(store::Range::prefix(*prefix));
  if (!found) return found.error();
  if (found->empty()) return unknown;
  for (const store::Entry& entry : *found) t.erase(entry.key);
  keys::note_standing(t, Decoder(std::string_view(*prefix).substr(keys::kTokens.size())).u32());
  return {};
}

Result<void> Directory::revoke_tokens(store::Transaction& t, AccountId account,
                                      const std::function<bool(const Token&)>& which) const {
  const auto found = t.list(store::Range::prefix(keys::token(account, "")));
  if (!found) return found.error();
  for (const store::Entry& entry : *found) {
    const auto token = which ? decode(entry.key, entry.value) : std::nullopt;
    if (!which || (token && which(*token))) t.erase(entry.key);
  }
  keys::note_standing(t, account);
  return {};
}

namespace {
// Where the token of that secret is kept; nothing: no token of ours looks like that.
std::optional<std::string> key_of(std::string_view secret) {
  if (!secret.starts_with(kMark)) return {};
  const auto octets = text::unbase64url(secret.substr(kMark.size()));
  if (!octets || octets->size() != 4 + 32) return {};
  return keys::token(Decoder(*octets).u32(), sha256(secret));
}
}  // namespace

Result<Directory::Bearer> Directory::check_token(std::string_view secret, Token::Kind kind) const {
  return check_token(store_, secret, kind);
}

Result<Directory::Bearer> Directory::check_token(const store::Reader& r, std::string_view secret,
                                                 Token::Kind kind) const {
  const Error denied{Code::kDenied, "the token is wrong, revoked or expired"};
  const auto key = key_of(secret);
  if (!key) return denied;
  const auto record = r.get(*key);
  if (!record) return record.error();
  if (!*record) return denied;
  auto token = decode(*key, **record);
  if (!token) return Error{Code::kCorrupt, "the record of a token is damaged; run pabal verify"};
  if (token->expires <= clock_.now() || token->kind != kind) return denied;
  const auto owner = account(r, token->account);
  if (!owner) return owner.error();
  const auto may = *owner ? may_log_in(**owner) : Result<bool>(false);
  if (!may) return may.error();
  if (!*may) return denied;
  return Bearer{**owner, std::move(*token)};
}

Result<Directory::Bearer> Directory::take_ticket(store::Transaction& t, std::string_view secret) const {
  auto found = check_token(t, secret, Token::Kind::kTicket);
  if (found) t.erase(*key_of(secret));
  return found;
}

}  // namespace pabal::identity
