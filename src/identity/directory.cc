#include "identity/directory.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "identity/keys.h"
#include "identity/unicode.h"
#include "message/address.h"

namespace pabal::identity {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kDomainVersion = 2;  // 1 had keys without states: all of them signed
constexpr minutes kCacheTime{5};
constexpr size_t kMaxCached = 10'000;

Error corrupt(std::string_view what) {
  return {Code::kCorrupt, "the record of " + std::string(what) + " is damaged; run pabal verify"};
}

// An address with its domain in A-labels; the local part as written: what it means is the business of its domain alone.
std::optional<message::Address> parsed(std::string_view address) {
  auto out = message::parse_addr_spec(address, true);
  if (!out) return {};
  out->domain = message::ascii_domain(*out);
  if (out->domain.empty()) return {};
  return out;
}

// The form local addresses are compared and stored in.
message::Address folded(message::Address address) {
  address.local = fold_local(address.local);
  return address;
}
std::optional<message::Address> canonical(std::string_view address) {
  auto out = parsed(address);
  if (out) out = folded(std::move(*out));
  return out;
}

std::optional<std::string> canonical_domain(std::string_view name) {
  std::string ascii = message::ascii_domain(name);
  if (ascii.empty() || ascii.find('.') == ascii.npos || ascii.front() == '[') return {};
  return ascii;
}

std::string encode(const Domain& d) {
  Encoder out;
  out.u8(kDomainVersion).string(d.name).string(d.catch_all).boolean(d.enabled).varint(d.dkim_keys.size());
  for (const DkimKey& key : d.dkim_keys)
    out.string(key.selector)
        .string(key.private_pem)
        .u8(static_cast<uint8_t>(key.state))
        .u64(static_cast<uint64_t>(to_micros(key.since)))
        .boolean(key.shown.has_value())
        .u64(static_cast<uint64_t>(to_micros(key.shown.value_or(Time{}))));
  return out.take();
}
std::optional<Domain> decode_domain(std::string_view record) {
  Decoder in(record);
  const uint8_t version = in.u8();
  if (version < 1 || version > kDomainVersion) return {};
  Domain d;
  d.name = in.string();
  d.catch_all = in.string();
  d.enabled = in.boolean();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    DkimKey key;
    key.selector = in.string();
    key.private_pem = in.string();
    if (version > 1) {
      const uint8_t state = in.u8();
      if (state > static_cast<uint8_t>(DkimKey::State::kRetired)) return {};
      key.state = static_cast<DkimKey::State>(state);
      key.since = from_micros(static_cast<int64_t>(in.u64()));
      const bool shown = in.boolean();
      const Time when = from_micros(static_cast<int64_t>(in.u64()));
      if (shown) key.shown = when;
    }
    d.dkim_keys.push_back(std::move(key));
  }
  if (!in.ok()) return {};
  return d;
}

std::string encode(const Account& a) {
  return Encoder()
      .u8(kVersion)
      .u32(a.id)
      .string(a.name)
      .string(a.display_name)
      .boolean(a.enabled)
      .boolean(a.admin)
      .varint(a.quota_octets)
      .u64(static_cast<uint64_t>(to_micros(a.created)))
      .take();
}
std::optional<Account> decode_account(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Account a;
  a.id = in.u32();
  a.name = in.string();
  a.display_name = in.string();
  a.enabled = in.boolean();
  a.admin = in.boolean();
  a.quota_octets = in.varint();
  a.created = from_micros(static_cast<int64_t>(in.u64()));
  if (!in.ok()) return {};
  return a;
}

std::string encode(const Alias& a) {
  Encoder out;
  out.u8(kVersion).string(a.address).boolean(a.send_as).varint(a.targets.size());
  for (const std::string& target : a.targets) out.string(target);
  return out.take();
}
std::optional<Alias> decode_alias(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Alias a;
  a.address = in.string();
  a.send_as = in.boolean();
  for (uint64_t n = in.varint(); n > 0 && in.ok() && a.targets.size() < kMaxAliasTargets; --n)
    a.targets.emplace_back(in.string());
  if (!in.ok()) return {};
  return a;
}

std::string encode(const Directory::Secrets& s) {
  return Encoder()
      .u8(kVersion)
      .string(s.argon2)
      .string(s.scram.salt)
      .string(s.scram.stored_key)
      .string(s.scram.server_key)
      .u32(s.scram.iterations)
      .take();
}
std::optional<Directory::Secrets> decode_secrets(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Directory::Secrets s;
  s.argon2 = in.string();
  s.scram.salt = in.string();
  s.scram.stored_key = in.string();
  s.scram.server_key = in.string();
  s.scram.iterations = in.u32();
  if (!in.ok()) return {};
  return s;
}

template <typename T, typename Decode>
Result<std::optional<T>> read(const store::Reader& r, const std::string& key, std::string_view what, Decode decode) {
  const auto record = r.get(key);
  if (!record) return record.error();
  if (!*record) return std::optional<T>();
  auto decoded = decode(**record);
  if (!decoded) return corrupt(what);
  return decoded;
}

template <typename T, typename Decode>
Result<std::vector<T>> read_all(const store::Reader& r, const std::string& prefix, std::string_view what,
                                Decode decode) {
  std::vector<T> out;
  bool damaged = false;
  const auto scanned = r.scan(store::Range::prefix(prefix), [&](std::string_view, std::string_view record) {
    auto decoded = decode(record);
    if (decoded)
      out.push_back(std::move(*decoded));
    else
      damaged = true;
    return !damaged;
  });
  if (!scanned) return scanned.error();
  if (damaged) return corrupt(what);
  return out;
}

Result<std::optional<AccountId>> account_id(const store::Reader& r, const message::Address& address) {
  const auto record = r.get(keys::named('n', address));
  if (!record) return record.error();
  if (!*record) return std::optional<AccountId>();
  Decoder in(**record);
  return std::optional<AccountId>(in.u32());
}

Result<std::optional<Alias>> alias_at(const store::Reader& r, const message::Address& address) {
  return read<Alias>(r, keys::named('l', address), "alias " + address.text(), decode_alias);
}

// RFC 5233: the address without "+detail", when it has one.
std::optional<message::Address> without_detail(message::Address address, std::string* detail = nullptr) {
  const size_t plus = address.local.find('+');
  if (plus == address.local.npos || plus == 0) return {};
  if (detail) *detail = address.local.substr(plus + 1);
  address.local.resize(plus);
  return address;
}

Result<void> check_catch_all(const Domain& domain) {
  if (domain.catch_all.empty() || canonical(domain.catch_all)) return {};
  return Error{Code::kInvalid, domain.catch_all + " is not an address"};
}

// A name for people: it goes into lists and headers.
bool is_text(std::string_view s) {
  return text::is_utf8(s) && std::none_of(s.begin(), s.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

}  // namespace

Directory::Directory(store::Store& store, const Clock& clock, Random& random)
    : store_(store), clock_(clock), random_(random), nobody_(argon2_of_nobody(random)), cache_key_(random.bytes(32)) {}

// --- domains --------------------------------------------------------------------------------------------------------

Result<void> Directory::add_domain(store::Transaction& t, const Domain& domain) {
  const auto name = canonical_domain(domain.name);
  if (!name) return Error{Code::kInvalid, domain.name + " is not a mail domain; give one such as example.com"};
  const auto there = t.get(keys::domain(*name));
  if (!there) return there.error();
  if (*there) return Error{Code::kExists, *name + " is there already"};
  if (const auto good = check_catch_all(domain); !good) return good;
  Domain stored = domain;
  stored.name = *name;
  t.put(keys::domain(*name), encode(stored));
  const auto key = t.get(keys::kServerKey);
  if (!key) return key.error();
  if (!*key) t.put(keys::kServerKey, random_.bytes(32));
  return {};
}

Result<std::string> Directory::secret(const store::Reader& r, std::string_view purpose) const {
  const auto key = r.get(keys::kServerKey);
  if (!key) return key.error();
  if (!*key) return Error{Code::kNotFound, "there is no domain yet; add one: pabal domain add example.com"};
  return hmac_sha256(**key, "secret " + std::string(purpose));
}

Result<void> Directory::update_domain(store::Transaction& t, const Domain& domain) {
  const auto there = t.get(keys::domain(domain.name));
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no domain " + domain.name};
  if (const auto good = check_catch_all(domain); !good) return good;
  t.put(keys::domain(domain.name), encode(domain));
  keys::note_standing(t, 0);
  return {};
}

Result<void> Directory::remove_domain(store::Transaction& t, std::string_view given) {
  const auto name = canonical_domain(given);
  const auto there = name ? t.get(keys::domain(*name)) : Result<std::optional<std::string>>(std::nullopt);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no domain " + std::string(given)};
  for (const char kind : {'n', 'l'}) {
    store::Range range = store::Range::prefix(keys::named_in(kind, *name));
    range.limit = 1;
    const auto left = t.list(range);
    if (!left) return left.error();
    if (!left->empty())
      return Error{Code::kDenied, *name + (kind == 'n' ? " still has accounts; remove them first"
                                                       : " still has aliases; remove them first")};
  }
  t.erase(keys::domain(*name));
  return {};
}

Result<std::vector<Domain>> Directory::domains(const store::Reader& r) const {
  return read_all<Domain>(r, "Id", "a domain", decode_domain);
}

Result<std::optional<Domain>> Directory::domain(const store::Reader& r, std::string_view given) const {
  const auto name = canonical_domain(given);
  if (!name) return std::optional<Domain>();
  return read<Domain>(r, keys::domain(*name), *name, decode_domain);
}

std::string standing_key(AccountId account) { return keys::standing(account); }

// --- accounts -------------------------------------------------------------------------------------------------------

Result<Directory::Secrets> Directory::make_secrets(std::string_view password) const {
  if (password.size() < kMinPassword) return Error{Code::kInvalid, "the password is too short: 8 characters at least"};
  if (password.size() > kMaxPassword) return Error{Code::kInvalid, "the password is too long: 1,000 octets at most"};
  if (!text::is_utf8(password) || password.find('\0') != password.npos)
    return Error{Code::kInvalid, "the password is not UTF-8 text"};
  const std::string prepared = sasl_prepared(password);
  auto argon2 = argon2_hash(prepared, random_);
  if (!argon2) return argon2.error();
  return Secrets{std::move(*argon2), make_scram(prepared, random_.bytes(16), kScramIterations)};
}

Result<Account> Directory::add_account(store::Transaction& t, Account account, const Secrets& secrets) {
  const auto address = canonical(account.name);
  if (!address || address->local.find('+') != std::string::npos)
    return Error{Code::kInvalid, account.name + " cannot be an account; give one such as alice@example.com"};
  if (!is_text(account.display_name)) return Error{Code::kInvalid, "the name of a person has no control characters"};
  const auto known = domain(t, address->domain);
  if (!known) return known.error();
  if (!*known)
    return Error{Code::kNotFound,
                 "there is no domain " + address->domain + "; add it first: pabal domain add " + address->domain};
  const auto id = account_id(t, *address);
  if (!id) return id.error();
  const auto alias = alias_at(t, *address);
  if (!alias) return alias.error();
  if (*id || *alias)
    return Error{Code::kExists, address->text() + (*id ? " is there already" : " is an alias already")};

  const auto counter = t.get(keys::kCounter);
  if (!counter) return counter.error();
  account.id = (*counter ? Decoder(**counter).u32() : 0) + 1;
  account.name = address->text();
  account.created = clock_.now();
  t.put(keys::kCounter, Encoder().u32(account.id).take());
  t.put(keys::account(account.id), encode(account));
  t.put(keys::named('n', *address), Encoder().u32(account.id).take());
  t.put(keys::secrets(account.id), encode(secrets));
  return account;
}

Result<void> Directory::update_account(store::Transaction& t, const Account& account) const {
  const auto there = this->account(t, account.id);
  if (!there) return there.error();
  if (!*there || (*there)->name != account.name) return Error{Code::kNotFound, "there is no account " + account.name};
  if (!is_text(account.display_name)) return Error{Code::kInvalid, "the name of a person has no control characters"};
  t.put(keys::account(account.id), encode(account));
  keys::note_standing(t, account.id);
  return {};
}

Result<void> Directory::set_secrets(store::Transaction& t, AccountId id, const Secrets& secrets) {
  const auto there = account(t, id);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no such account"};
  t.put(keys::secrets(id), encode(secrets));
  // Whoever knew the old password is signed out of the pages.
  return revoke_tokens(t, id, [](const Token& token) { return token.kind == Token::Kind::kSession; });
}

Result<void> Directory::remove_account(store::Transaction& t, AccountId id) {
  const auto there = account(t, id);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no such account"};
  t.erase(keys::named('n', *canonical((*there)->name)));
  t.erase(keys::account(id));
  t.erase(keys::secrets(id));
  const auto revoked = revoke_tokens(t, id);
  t.erase(keys::standing(id));
  return revoked;
}

Result<std::vector<Account>> Directory::accounts(const store::Reader& r, std::string_view domain) const {
  auto all = read_all<Account>(r, "Ia", "an account", decode_account);
  if (!all || domain.empty()) return all;
  const std::string ending = "@" + canonical_domain(domain).value_or("");
  std::erase_if(*all, [&](const Account& a) { return !a.name.ends_with(ending); });
  return all;
}

Result<std::optional<Account>> Directory::account(const store::Reader& r, AccountId id) const {
  return read<Account>(r, keys::account(id), "an account", decode_account);
}

Result<std::optional<Account>> Directory::account(const store::Reader& r, std::string_view name) const {
  const auto address = canonical(name);
  if (!address) return std::optional<Account>();
  const auto id = account_id(r, *address);
  if (!id) return id.error();
  if (!*id) return std::optional<Account>();
  return account(r, **id);
}

// --- aliases --------------------------------------------------------------------------------------------------------

Result<void> Directory::put_alias(store::Transaction& t, const Alias& given) {
  const auto address = canonical(given.address);
  if (!address) return Error{Code::kInvalid, given.address + " is not an address"};
  const auto known = domain(t, address->domain);
  if (!known) return known.error();
  if (!*known) return Error{Code::kNotFound, "there is no domain " + address->domain + "; add it first"};
  const auto id = account_id(t, *address);
  if (!id) return id.error();
  if (*id) return Error{Code::kExists, address->text() + " is an account"};
  if (given.targets.empty() || given.targets.size() > kMaxAliasTargets)
    return Error{Code::kLimit, "an alias leads to 1 to 1,000 addresses"};
  Alias alias{address->text(), {}, given.send_as};
  for (const std::string& target : given.targets) {
    const auto to = parsed(target);
    if (!to) return Error{Code::kInvalid, target + " is not an address"};
    if (folded(*to) == *address) return Error{Code::kInvalid, "an alias cannot lead to itself"};
    alias.targets.push_back(to->text());
  }
  t.put(keys::named('l', *address), encode(alias));
  keys::note_standing(t, 0);
  return {};
}

Result<void> Directory::remove_alias(store::Transaction& t, std::string_view given) {
  const auto address = canonical(given);
  const auto there = address ? alias_at(t, *address) : Result<std::optional<Alias>>(std::nullopt);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no alias " + std::string(given)};
  t.erase(keys::named('l', *address));
  keys::note_standing(t, 0);
  return {};
}

Result<std::optional<Alias>> Directory::alias(const store::Reader& r, std::string_view given) const {
  const auto address = canonical(given);
  if (!address) return std::optional<Alias>();
  return alias_at(r, *address);
}

Result<std::vector<Alias>> Directory::aliases(const store::Reader& r, std::string_view domain) const {
  return read_all<Alias>(r, keys::named_in('l', domain.empty() ? "" : canonical_domain(domain).value_or("-")),
                         "an alias", decode_alias);
}

// --- resolution -----------------------------------------------------------------------------------------------------

Result<std::optional<Account>> Directory::first_admin(const store::Reader& r, std::string_view domain) const {
  std::optional<Account> best;
  bool damaged = false;
  const std::string ending = "@" + std::string(domain);
  const auto scanned = r.scan(store::Range::prefix("Ia"), [&](std::string_view, std::string_view record) {
    auto a = decode_account(record);
    damaged = !a;
    if (damaged) return false;
    const bool at_home = a->name.ends_with(ending);
    if (a->admin && a->enabled && (!best || at_home)) best = std::move(a);
    return !best || !best->name.ends_with(ending);
  });
  if (!scanned) return scanned.error();
  if (damaged) return corrupt("an account");
  return best;
}

Result<Resolution> Directory::resolve(const store::Reader& r, std::string_view given) const {
  Resolution out;
  std::string name(given);
  if (text::iequals(name, "postmaster")) {  // RFC 5321 §4.1.1.3: without a domain it is ours
    const auto all = domains(r);
    if (!all) return all.error();
    if (!all->empty()) name += "@" + all->front().name;
  }
  const auto start = parsed(name);
  if (!start) return out;
  const auto home = domain(r, start->domain);
  if (!home) return home.error();
  if (!*home) return out;
  out.kind = Resolution::Kind::kUnknown;
  out.address = folded(*start).text();

  struct Step {
    message::Address address;
    int depth;
  };
  std::vector<Step> todo{{*start, 0}};
  std::set<std::string> seen;
  std::set<AccountId> found;
  std::set<std::string> outside;
  while (!todo.empty()) {
    const Step step = std::move(todo.back());
    todo.pop_back();
    const auto here = step.depth == 0 ? home : domain(r, step.address.domain);
    if (!here) return here.error();
    if (!*here) {
      outside.insert(step.address.text());
      continue;
    }
    const message::Address address = folded(step.address);
    if (!seen.insert(address.text()).second) continue;
    if (step.depth > kMaxAliasDepth)
      return Error{Code::kLimit, out.address + " leads through more than 10 aliases; shorten the chain"};
    if (seen.size() + outside.size() > kMaxResolved)
      return Error{Code::kLimit, out.address + " leads to more than 10,000 addresses"};

    std::vector<message::Address> forms{address};
    std::string detail;
    if (const auto plain = without_detail(address, &detail)) forms.push_back(*plain);
    bool known = false;
    const bool open = (*here)->enabled;
    for (size_t i = 0; i < forms.size() && !known && open; ++i) {
      const auto id = account_id(r, forms[i]);
      if (!id) return id.error();
      if (*id) {
        if (found.insert(**id).second) out.accounts.push_back({**id, forms[i].text()});
        known = true;
      } else {
        const auto alias = alias_at(r, forms[i]);
        if (!alias) return alias.error();
        if (*alias) {
          for (const std::string& target : (*alias)->targets)
            if (const auto to = parsed(target)) todo.push_back({*to, step.depth + 1});
          known = true;
        }
      }
      if (known && i > 0 && step.depth == 0) out.detail = detail;
    }
    if (!known && open && !(*here)->catch_all.empty())
      if (const auto to = parsed((*here)->catch_all)) {
        todo.push_back({*to, step.depth + 1});
        known = true;
      }
    if (!known && step.depth > 0) out.dead.push_back(address.text());
  }
  out.outside.assign(outside.begin(), outside.end());
  if (out.accounts.empty() && out.outside.empty() && (*home)->enabled && folded(*start).local == "postmaster") {
    const auto admin = first_admin(r, start->domain);
    if (!admin) return admin.error();
    if (*admin) out.accounts.push_back({(*admin)->id, (*admin)->name});
  }
  if (!out.accounts.empty() || !out.outside.empty()) out.kind = Resolution::Kind::kKnown;
  return out;
}

Result<bool> Directory::may_send_as(const store::Reader& r, AccountId id, std::string_view given) const {
  const auto address = canonical(given);
  if (!address) return false;
  std::vector<message::Address> forms{*address};
  if (const auto plain = without_detail(*address)) forms.push_back(*plain);
  for (const message::Address& form : forms) {
    const auto owner = account_id(r, form);
    if (!owner) return owner.error();
    if (*owner) return **owner == id;
    const auto alias = alias_at(r, form);
    if (!alias) return alias.error();
    if (!*alias) continue;
    if (!(*alias)->send_as) return false;
    const auto leads = resolve(r, form.text());
    if (!leads) return leads.error();
    return std::any_of(leads->accounts.begin(), leads->accounts.end(), [&](const auto& a) { return a.account == id; });
  }
  // Nobody's address: of a domain whose catch-all leads to this account.
  const auto leads = resolve(r, address->text());
  if (!leads) return leads.error();
  return std::any_of(leads->accounts.begin(), leads->accounts.end(), [&](const auto& a) { return a.account == id; });
}

// --- credentials ----------------------------------------------------------------------------------------------------

bool Directory::recently_verified(AccountId id, const std::string& argon2, std::string_view password) const {
  std::lock_guard lock(cache_mutex_);
  const auto known = cache_.find(id);
  return known != cache_.end() && known->second.until > clock_.now() && known->second.argon2 == argon2 &&
         text::same_secret(known->second.password_hmac, hmac_sha256(cache_key_, password));
}

// RFC 4616 §2, RFC 5802 §5.1: the name as it is typed, then as SASLprep makes it.
Result<std::optional<Account>> Directory::by_login(std::string_view name) const {
  auto found = account(store_, name);
  if (!found || *found || text::is_ascii(name)) return found;
  return account(store_, sasl_prepared(name));
}

Result<bool> Directory::may_log_in(const Account& account) const {
  if (!account.enabled) return false;
  const auto home = domain(store_, std::string_view(account.name).substr(account.name.rfind('@') + 1));
  if (!home) return home.error();
  return *home && (*home)->enabled;
}

Result<Account> Directory::check_password(std::string_view name, std::string_view given) const {
  const Error denied{Code::kDenied, "the name or the password is wrong"};
  if (given.size() > kMaxPassword) return denied;
  const std::string password = sasl_prepared(given);
  const auto found = by_login(name);
  if (!found) return found.error();
  std::optional<Secrets> secrets;
  bool open = false;
  if (*found) {
    const auto may = may_log_in(**found);
    if (!may) return may.error();
    open = *may;
    const auto read_secrets = read<Secrets>(store_, keys::secrets((*found)->id), "a password", decode_secrets);
    if (!read_secrets) return read_secrets.error();
    secrets = *read_secrets;
  }
  if (secrets && open && recently_verified((*found)->id, secrets->argon2, password)) return **found;
  const bool good = argon2_verify(secrets ? secrets->argon2 : nobody_, password);
  if (!good || !secrets || !open) return denied;
  std::lock_guard lock(cache_mutex_);
  if (cache_.size() >= kMaxCached) cache_.clear();
  cache_[(*found)->id] = {hmac_sha256(cache_key_, password), secrets->argon2, clock_.now() + kCacheTime};
  return **found;
}

Result<std::optional<Account>> Directory::find_enabled(std::string_view name) const {
  auto found = by_login(name);
  if (!found || !*found) return found;
  const auto may = may_log_in(**found);
  if (!may) return may.error();
  if (!*may) found->reset();
  return found;
}

Result<ScramSecret> Directory::scram_secret(std::string_view name) const {
  const auto found = find_enabled(name);
  if (!found) return found.error();
  if (*found) {
    const auto secrets = read<Secrets>(store_, keys::secrets((*found)->id), "a password", decode_secrets);
    if (!secrets) return secrets.error();
    if (*secrets) return (*secrets)->scram;
  }
  const auto key = store_.get(keys::kServerKey);
  if (!key) return key.error();
  // All spellings of one name have one salt here, as they have where the account exists.
  const auto address = canonical(name);
  const std::string secret = key->value_or("pabal"), who = address ? address->text() : text::lowered(name);
  ScramSecret made_up;
  made_up.salt = hmac_sha256(secret, "salt " + who).substr(0, 16);
  made_up.stored_key = hmac_sha256(secret, "stored " + who);
  made_up.server_key = hmac_sha256(secret, "server " + who);
  made_up.iterations = kScramIterations;
  return made_up;
}

}  // namespace pabal::identity
