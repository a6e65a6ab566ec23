#include "identity/tokens.h"

#include <algorithm>

#include "base/text.h"
#include "identity/directory.h"
#include "identity/keys.h"

namespace pabal::identity {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kMark = "pabal_";  // so that programs that look for leaked secrets know one
constexpr size_t kIdOctets = 8;               // of the hash

std::string encode(const Token& token) {
  Encoder out;
  out.u8(kVersion).string(token.label).varint(token.scopes.size());
  for (const std::string& scope : token.scopes) out.string(scope);
  return out.u64(static_cast<uint64_t>(to_micros(token.created)))
      .u64(static_cast<uint64_t>(to_micros(token.expires)))
      .take();
}

// The key says whose it is and what its hash is.
std::optional<Token> decode(std::string_view key, std::string_view record) {
  Token token;
  Decoder name(key.substr(keys::kTokens.size()));
  token.account = name.u32();
  token.id = std::to_string(token.account) + "-" + text::hex(name.raw(kIdOctets));
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  token.label = in.string();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) token.scopes.emplace_back(in.string());
  token.created = from_micros(static_cast<int64_t>(in.u64()));
  token.expires = from_micros(static_cast<int64_t>(in.u64()));
  if (!in.ok() || !name.ok()) return {};
  return token;
}

}  // namespace

bool Token::covers(std::string_view scope) const {
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

std::string Directory::make_token(AccountId account) const {
  return std::string(kMark) + text::base64url(Encoder().u32(account).raw(random_.bytes(32)).take());
}

Result<Token> Directory::issue_token(store::Transaction& t, AccountId id, std::string_view secret, Token token) const {
  const auto there = account(t, id);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no such account"};
  if (token.scopes.empty()) return Error{Code::kInvalid, "a token has a scope at least"};
  for (const std::string& scope : token.scopes)
    if (std::find(std::begin(kScopes), std::end(kScopes), scope) == std::end(kScopes))
      return Error{Code::kInvalid, "there is no scope " + scope + "; there are mail.read and mail.send"};
  if (token.label.size() > kMaxTokenLabel || !text::is_utf8(token.label))
    return Error{Code::kInvalid, "a label has up to 200 octets of text"};
  token.created = clock_.now();
  if (token.expires <= token.created || token.expires - token.created > kMaxTokenLifetime)
    return Error{Code::kInvalid, "a token lives up to ten years"};
  const auto others = tokens(t, id);
  if (!others) return others.error();
  if (others->size() >= kMaxTokens) return Error{Code::kLimit, "the account has 1,000 tokens; revoke some first"};
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

Result<void> Directory::revoke_token(store::Transaction& t, std::string_view id) const {
  const size_t dash = id.find('-');
  const auto account = text::parse_u64(id.substr(0, dash));
  const auto hash = dash == id.npos ? std::nullopt : text::unhex(id.substr(dash + 1));
  const Error unknown{Code::kNotFound, "there is no token " + std::string(id) + "; `pabal token list` shows them"};
  if (!account || *account > UINT32_MAX || !hash || hash->size() != kIdOctets) return unknown;
  const auto found = t.list(store::Range::prefix(keys::token(static_cast<AccountId>(*account), *hash)));
  if (!found) return found.error();
  if (found->empty()) return unknown;
  for (const store::Entry& entry : *found) t.erase(entry.key);
  return {};
}

Result<void> Directory::revoke_tokens(store::Transaction& t, AccountId account) const {
  const auto found = t.list(store::Range::prefix(keys::token(account, "")));
  if (!found) return found.error();
  for (const store::Entry& entry : *found) t.erase(entry.key);
  return {};
}

Result<Directory::Bearer> Directory::check_token(std::string_view secret) const {
  const Error denied{Code::kDenied, "the token is wrong, revoked or expired"};
  if (!secret.starts_with(kMark)) return denied;
  const auto octets = text::unbase64url(secret.substr(kMark.size()));
  if (!octets || octets->size() != 4 + 32) return denied;
  const std::string key = keys::token(Decoder(*octets).u32(), sha256(secret));
  const auto record = store_.get(key);
  if (!record) return record.error();
  if (!*record) return denied;
  auto token = decode(key, **record);
  if (!token) return Error{Code::kCorrupt, "the record of a token is damaged; run pabal verify"};
  if (token->expires <= clock_.now()) return denied;
  const auto owner = account(store_, token->account);
  if (!owner) return owner.error();
  const auto may = *owner ? may_log_in(**owner) : Result<bool>(false);
  if (!may) return may.error();
  if (!*may) return denied;
  return Bearer{**owner, std::move(*token)};
}

}  // namespace pabal::identity
