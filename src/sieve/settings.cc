#include "sieve/settings.h"

#include <algorithm>
#include <set>

#include "base/codec.h"
#include "base/text.h"
#include "mailbox/arriving.h"
#include "message/address.h"
#include "sieve/keys.h"
#include "sieve/scripts.h"
#include "sieve/values.h"

namespace pabal::sieve {
namespace {

constexpr size_t kSecretOctets = 20;

Error invalid(std::string why) { return {Code::kInvalid, std::move(why)}; }

bool is_line(std::string_view text) {
  return text::is_utf8(text) &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}
bool is_text(std::string_view text) { return text::is_utf8(text) && text.find('\0') == text.npos; }

Result<void> check_criterion(const char* name, const std::string& text, Time now) {
  if (text.size() > kMaxCriterion)
    return Error{Code::kLimit,
                 std::string("the criterion ") + name + " is longer than " + std::to_string(kMaxCriterion) + " octets"};
  if (!is_line(text)) return invalid(std::string("the criterion ") + name + " is no line of text");
  const auto query = mailbox::parse_query(text, now);
  if (!query) return invalid(std::string("the criterion ") + name + " has too many terms");
  if (const std::string what = mailbox::not_at_arrival(*query); !what.empty())
    return invalid(std::string("the criterion ") + name + " asks for " + what +
                   ": a message that comes has none yet; take that out");
  return {};
}

Result<void> check(const Filter& filter, const Settings& settings, Time now) {
  const Criteria& c = filter.criteria;
  for (const auto& [name, text] : {std::pair<const char*, const std::string*>("from", &c.from),
                                   {"to", &c.to},
                                   {"subject", &c.subject},
                                   {"query", &c.query},
                                   {"negatedQuery", &c.negated_query}})
    if (const auto good = check_criterion(name, *text, now); !good) return good;
  if (c == Criteria{}) return invalid("a filter needs a criterion");
  const FilterAction& a = filter.action;
  if (a == FilterAction{}) return invalid("a filter needs an action");
  if (a.add.size() > kMaxFilterLabels || a.remove.size() > kMaxFilterLabels)
    return Error{Code::kLimit, "a filter has at most " + std::to_string(kMaxFilterLabels) + " labels"};
  for (const FlagList* flags : {&a.add_flags, &a.remove_flags})
    for (const std::string& flag : *flags)
      if (canonical_flag(flag) != flag) return invalid(text::printable(flag, 60) + " is no flag");
  if (!a.forward.empty() && !settings.may_forward_to(a.forward))
    return invalid(text::printable(a.forward, 100) + " is no verified forwarding address");
  return {};
}

Result<void> check(const VacationAnswer& v) {
  if (!is_line(v.subject) || v.subject.size() > kMaxVacationSubject)
    return invalid("the vacation subject is one line of at most " + std::to_string(kMaxVacationSubject) + " octets");
  if (v.text.size() > kMaxVacationText || v.html.size() > kMaxVacationText)
    return Error{Code::kLimit, "the vacation text has at most " + std::to_string(kMaxVacationText) + " octets"};
  if (!is_text(v.text) || !is_text(v.html)) return invalid("the vacation text is not UTF-8, or has a NUL");
  if (!v.only_domain.empty() && message::ascii_domain(v.only_domain).empty())
    return invalid(text::printable(v.only_domain, 100) + " is no domain");
  if (v.from && v.until && *v.from >= *v.until) return invalid("the vacation begins before it ends");
  return {};
}

Result<void> check(const Sender& s) {
  const bool lines = is_line(s.name) && is_line(s.reply_to) && is_line(s.bcc);
  if (!message::parse_addr_spec(s.address, true)) return invalid(text::printable(s.address, 100) + " is no address");
  if (!lines || s.name.size() > 500 || s.reply_to.size() > 2'000 || s.bcc.size() > 2'000)
    return invalid("name, reply-to and bcc are lines of text, of 500, 2,000 and 2,000 octets at most");
  if (s.text_signature.size() > kMaxSignature || s.html_signature.size() > kMaxSignature)
    return Error{Code::kLimit, "a signature has at most " + std::to_string(kMaxSignature) + " octets"};
  if (!is_text(s.text_signature) || !is_text(s.html_signature))
    return invalid("the signature is not UTF-8, or has a NUL");
  return {};
}

Result<void> check(const Settings& s, Time now) {
  if (s.filters.size() > kMaxFilters)
    return Error{Code::kLimit, "an account has at most " + std::to_string(kMaxFilters) + " filters"};
  if (s.senders.size() > kMaxSenders)
    return Error{Code::kLimit, "an account has at most " + std::to_string(kMaxSenders) + " senders"};
  for (const Filter& filter : s.filters)
    if (const auto good = check(filter, s, now); !good) return good;
  for (const Sender& sender : s.senders)
    if (const auto good = check(sender); !good) return good;
  const auto defaults =
      std::count_if(s.senders.begin(), s.senders.end(), [](const Sender& one) { return one.is_default; });
  if (defaults > 1) return invalid("only one sender is the default");
  if (s.auto_forwarding.enabled && !s.may_forward_to(s.auto_forwarding.address))
    return invalid(s.auto_forwarding.address.empty()
                       ? "name the address to forward to"
                       : text::printable(s.auto_forwarding.address, 100) + " is no verified forwarding address");
  if (s.language.size() > 35 ||
      !std::all_of(s.language.begin(), s.language.end(), [](char c) { return text::is_alnum(c) || c == '-'; }))
    return invalid("the language is a tag such as ko or en-GB");
  return check(s.vacation);
}

Error damaged() { return {Code::kCorrupt, "the record of the mail settings is damaged; set them anew"}; }

}  // namespace

bool Settings::may_forward_to(std::string_view address) const {
  return std::any_of(forwarding_addresses.begin(), forwarding_addresses.end(),
                     [&](const ForwardingAddress& one) { return one.verified && text::iequals(one.address, address); });
}

const Filter* Settings::filter(uint64_t id) const {
  const auto found = std::find_if(filters.begin(), filters.end(), [&](const Filter& one) { return one.id == id; });
  return found == filters.end() ? nullptr : &*found;
}

Result<ReadySettings> make_ready(Settings settings, const NameOf& name_of, Time now) {
  for (auto* bound : {&settings.vacation.from, &settings.vacation.until})
    if (*bound) *bound = std::chrono::floor<seconds>(**bound);
  if (const auto good = check(settings, now); !good) return good.error();
  for (Filter& filter : settings.filters)
    if (filter.id == 0) filter.id = ++settings.last_id;
  for (Sender& sender : settings.senders)
    if (sender.id == 0) sender.id = ++settings.last_id;
  ReadySettings out{std::move(settings), "", nullptr};
  out.script = script_of(out.settings, name_of);
  if (out.script.empty()) return out;
  Compiled compiled = compile(out.script);
  if (!compiled.ok()) return Error{Code::kLimit, "the settings are too much: " + in_lines(compiled.faults)};
  out.program = std::move(compiled.program);
  return out;
}

Result<Settings> settings(const store::Reader& r, mailbox::AccountId account) {
  const auto record = r.get(keys::settings(account));
  if (!record) return record.error();
  if (!*record) return Settings{};
  auto out = decode_settings(**record);
  if (!out) return damaged();
  return std::move(*out);
}

Result<Settings> put_settings(store::Transaction& t, mailbox::AccountId account, const ReadySettings& ready) {
  const auto before = settings(t, account);
  if (!before && before.code() != Code::kCorrupt) return before.error();
  if (before && before->revision != ready.settings.revision)
    return Error{Code::kConflict, "the mail settings were changed meanwhile; read them again"};
  Settings now = ready.settings;
  ++now.revision;
  t.put(keys::settings(account), encode(now));
  if (ready.program) {
    t.put(keys::settings_text(account), ready.script);
    t.put(keys::settings_program(account), encode(*ready.program));
  } else {
    t.erase(keys::settings_text(account));
    t.erase(keys::settings_program(account));
  }
  return now;
}

Result<bool> settings_act(const store::Reader& r, mailbox::AccountId account) {
  const auto stored = r.get(keys::settings_program(account));
  if (!stored) return stored.error();
  return stored->has_value();
}

Result<std::string> settings_script(const store::Reader& r, mailbox::AccountId account) {
  auto stored = r.get(keys::settings_text(account));
  if (!stored) return stored.error();
  return *stored ? std::move(**stored) : std::string();
}

Result<std::shared_ptr<const Program>> settings_program(const store::Reader& r, mailbox::AccountId account) {
  const auto stored = r.get(keys::settings_program(account));
  if (!stored) return stored.error();
  if (!*stored) return std::shared_ptr<const Program>();
  if (auto program = decode(**stored)) return program;
  const auto text = settings_script(r, account);
  if (!text) return text.error();
  Compiled compiled = compile(*text);
  if (!compiled.ok()) return invalid(in_lines(compiled.faults));
  return std::move(compiled.program);
}

Limits settings_limits() {
  Limits limits;
  limits.steps = 2'000'000;
  limits.variables = 2 * kMaxFilters * kMaxFilterLabels;
  limits.actions = 1'000;
  limits.redirects = kMaxForwardingAddresses + 1;
  return limits;
}

// --- forwarding -----------------------------------------------------------------------------------------------------

Result<std::string> ask_forwarding(Settings& settings, mailbox::AccountId account, std::string_view address,
                                   Random& random, Time now) {
  const auto parsed = message::parse_addr_spec(address, true);
  if (!parsed) return invalid(text::printable(address, 100) + " is no address");
  auto& all = settings.forwarding_addresses;
  auto at = std::find_if(all.begin(), all.end(),
                         [&](const ForwardingAddress& one) { return text::iequals(one.address, address); });
  if (at != all.end() && at->verified) return std::string();
  if (at == all.end()) {
    if (all.size() >= kMaxForwardingAddresses)
      return Error{Code::kLimit, "an account has at most " + std::to_string(kMaxForwardingAddresses) +
                                     " forwarding addresses; remove one"};
    at = all.insert(all.end(), ForwardingAddress{parsed->text(), false, "", now});
  }
  const std::string secret =
      text::base64url(Encoder().u32(account).raw(random.bytes(kSecretOctets - sizeof(uint32_t))).take());
  at->secret_hash = sha256(secret);
  at->asked = now;
  return secret;
}

std::optional<mailbox::AccountId> account_of_forwarding(std::string_view secret) {
  const auto octets = text::unbase64url(secret);
  if (!octets || octets->size() != kSecretOctets) return {};
  return Decoder(*octets).u32();
}

ForwardingAddress* asked_with(Settings& settings, std::string_view secret, Time now) {
  const std::string hash = sha256(secret);
  for (ForwardingAddress& one : settings.forwarding_addresses)
    if (!one.verified && text::same_secret(one.secret_hash, hash) && now < one.asked + kForwardingAnswer) return &one;
  return nullptr;
}

void confirm(ForwardingAddress& address) {
  address.verified = true;
  address.secret_hash.clear();
}

Result<void> remove_forwarding(Settings& settings, std::string_view address) {
  const bool used = std::any_of(settings.filters.begin(), settings.filters.end(),
                                [&](const Filter& one) { return text::iequals(one.action.forward, address); });
  if (used) return Error{Code::kDenied, "a filter forwards there; remove the filter first"};
  const auto removed = std::erase_if(settings.forwarding_addresses,
                                     [&](const ForwardingAddress& one) { return text::iequals(one.address, address); });
  if (removed == 0) return Error{Code::kNotFound, text::printable(address, 100) + " is no forwarding address"};
  if (text::iequals(settings.auto_forwarding.address, address)) settings.auto_forwarding = {};
  return {};
}

}  // namespace pabal::sieve
