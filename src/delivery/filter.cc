#include "delivery/filter.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "delivery/host.h"
#include "delivery/letters.h"
#include "sieve/keys.h"
#include "sieve/settings.h"

namespace pabal::delivery {
namespace {

// Turns the actions of one run into a decision.
class Deciding {
 public:
  Deciding(const Services& services, const mailbox::LocalDelivery::Mail& mail,
           const mailbox::LocalDelivery::Recipient& recipient, const identity::Resolution::Target& owner,
           const store::Reader& reader, Decision& out)
      : services_(services), mail_(mail), recipient_(recipient), owner_(owner), reader_(reader), out_(out) {}

  void take(const sieve::Action& action) {
    message_ = action.message;
    line_ = action.line;
    std::visit([this](const auto& what) { act(what); }, action.what);
  }

 private:
  // What our own checks would have in Junk is kept there; a script that says where has its way.
  void act(const sieve::Keep& keep) { file({"INBOX", "", mail_.junk ? "\\Junk" : "", false}, keep.flags); }
  void act(const sieve::FileInto& into) { file(into.target, into.flags); }
  void act(const sieve::Discard&) {}
  void act(const sieve::RecordDuplicate& seen) { out_.seen.push_back(seen); }

  void act(const sieve::Redirect& redirect) {
    const auto to = services_.directory.resolve(reader_, redirect.address);
    const bool own = to && std::any_of(to->accounts.begin(), to->accounts.end(),
                                       [&](const auto& one) { return one.account == owner_.account; });
    // To oneself, or to nobody: the message stays rather than going round in circles or nowhere.
    if (own || redirect.address.empty()) return file({"INBOX", "", "", false}, {});
    out_.onward.push_back({redirect.address, redirect.dsn_notify, edited()});
  }

  void act(const sieve::Reject& reject) {
    Decision::Refusal refusal{reject.reason, reject.ereject, nullptr};
    // RFC 8098 §2.1, RFC 5429 §2.2.1: never to a null reverse-path.
    if (!mail_.reverse_path.empty()) refusal.letter = letter(build_rejection(occasion("rejection"), reject.reason));
    out_.refusal = std::move(refusal);
  }

  void act(const sieve::Vacation& vacation) {
    const auto is_own = [&](const std::string& address) {
      const auto same = [&](const std::string& one) { return text::iequals(one, address); };
      return std::any_of(vacation.addresses.begin(), vacation.addresses.end(), same) || owns(address);
    };
    const Occasion about = occasion("vacation");
    if (!deserves_answer(about, is_own)) return;
    Decision::Letter out;
    out.action = "answered";
    out.interval = vacation.interval;
    // RFC 5230 §4.2: once for each sender and handle. The transaction looks again.
    if (out.interval.count() > 0)
      out.once = sieve::keys::answered(owner_.account, vacation.handle + '\0' + text::lowered(mail_.reverse_path));
    const auto before = out.once.empty() ? Result<std::optional<std::string>>(std::nullopt) : reader_.get(out.once);
    if (!before || *before) return;
    out.to = {mail_.reverse_path};
    out.copy = letter(build_vacation(about, vacation, sender(vacation.from)));
    out.fcc = vacation.fcc;
    out.line = line_;
    out_.letters.push_back(std::move(out));
  }

  void act(const sieve::Notify& notify) {
    const auto mailto = sieve::parse_mailto(notify.method);
    const Occasion about = occasion("notification");
    if (!mailto || is_automatic(about)) return;  // RFC 5436 §2.7
    Decision::Letter out;
    out.action = "notified";
    const std::string from = sender(notify.from);
    const auto address = message::first_address(message::parse_address_list(from));
    if (!mail_.reverse_path.empty() && address) out.reverse_path = address->text();
    out.to = mailto->to;
    out.copy = letter(build_notification(about, notify, *mailto, from));
    out.fcc = notify.fcc;
    out.line = line_;
    out_.letters.push_back(std::move(out));
  }

  void file(sieve::Target target, const sieve::FlagList& flags) {
    out_.filings.push_back({std::move(target), flags_of(flags), edited(), line_});
  }

  // The message as the script has edited it by now. Actions without an edit between them share one.
  std::shared_ptr<const Copy> edited() {
    if (!message_) return nullptr;
    std::shared_ptr<const Copy>& made = copies_[message_.get()];
    if (!made) made = letter(*message_);
    return made;
  }
  std::shared_ptr<const Copy> letter(std::string bytes) const {
    return std::make_shared<const Copy>(Copy{mailbox::prepare(std::move(bytes)), services_.mailboxes.new_body_id()});
  }

  Occasion occasion(std::string_view what) const {
    return {*mail_.prepared->bytes,
            mail_.prepared->structure,
            mail_.reverse_path,
            recipient_.address,
            owner_.address,
            services_.hostname,
            services_.clock.now(),
            "<" + id_text(services_.ids.next()) + "." + std::string(what) + "@" + services_.hostname + ">"};
  }
  bool owns(const std::string& address) const {
    const auto may = services_.directory.may_send_as(reader_, owner_.account, address);
    return may && *may;
  }
  // RFC 5230 §4.3: a :from that is not the owner's is ignored.
  std::string sender(const std::string& from) const {
    const auto address = message::first_address(message::parse_address_list(from));
    if (address && owns(address->text())) return from;
    const auto account = services_.directory.account(reader_, owner_.account);
    const std::string name = account && *account ? (*account)->display_name : "";
    const bool plain = !name.empty() && name.find_first_of("\"\\\r\n") == name.npos;
    return plain ? "\"" + name + "\" <" + owner_.address + ">" : owner_.address;
  }

  const Services& services_;
  const mailbox::LocalDelivery::Mail& mail_;
  const mailbox::LocalDelivery::Recipient& recipient_;
  const identity::Resolution::Target& owner_;
  const store::Reader& reader_;
  Decision& out_;
  std::shared_ptr<const std::string> message_;
  uint32_t line_ = 0;
  std::map<const std::string*, std::shared_ptr<const Copy>> copies_;
};

constexpr std::pair<std::string_view, mailbox::Flag> kSystem[] = {{"\\Seen", mailbox::kSeen},
                                                                  {"\\Answered", mailbox::kAnswered},
                                                                  {"\\Flagged", mailbox::kFlagged},
                                                                  {"\\Deleted", mailbox::kDeleted},
                                                                  {"\\Draft", mailbox::kDraft}};

constexpr std::string_view kNotJunk = "$NotJunk";

bool is_implicit(const sieve::Action& action) {
  const auto* keep = std::get_if<sieve::Keep>(&action.what);
  return keep && keep->implicit;
}
const sieve::FlagList* flags_filed(const sieve::Action& action) {
  if (const auto* keep = std::get_if<sieve::Keep>(&action.what)) return &keep->flags;
  if (const auto* into = std::get_if<sieve::FileInto>(&action.what)) return &into->flags;
  return nullptr;
}
template <typename T>
bool has(const std::vector<sieve::Action>& actions) {
  return std::any_of(actions.begin(), actions.end(),
                     [](const sieve::Action& one) { return std::holds_alternative<T>(one.what); });
}

// What the account's script wants, on top of what its settings do. A refusal undoes those; an answer of the script goes
// instead of theirs; and what it merely lets be is kept only if they keep it. The labels of the settings are on the
// message as the script files it.
std::vector<sieve::Action> joined(std::vector<sieve::Action> settings, std::vector<sieve::Action> script) {
  if (has<sieve::Reject>(script)) return script;
  const bool kept = std::any_of(settings.begin(), settings.end(), is_implicit);
  std::erase_if(settings, [&](const sieve::Action& one) {
    return is_implicit(one) || std::holds_alternative<sieve::Discard>(one.what) ||
           (std::holds_alternative<sieve::Vacation>(one.what) && has<sieve::Vacation>(script));
  });
  if (!kept) std::erase_if(script, is_implicit);
  const auto filed = std::find_if(script.begin(), script.end(), [](const auto& one) { return flags_filed(one); });
  for (sieve::Action& one : settings) {
    auto* label = std::get_if<sieve::FileInto>(&one.what);
    if (!label || filed == script.end()) continue;
    label->flags = *flags_filed(*filed);
    one.message = filed->message;
  }
  settings.insert(settings.end(), script.begin(), script.end());
  return settings;
}

const Decision::Filing kInbox{{"INBOX", "", "", false}, {}, nullptr, 0};

}  // namespace

mailbox::Flags flags_of(const sieve::FlagList& list) {
  mailbox::Flags flags;
  for (const std::string& one : list) {
    for (const auto& [name, bit] : kSystem)
      if (text::iequals(one, name)) flags.system |= bit;
    const bool fits = one.size() <= mailbox::kMaxKeywordOctets && flags.keywords.size() < mailbox::kMaxKeywords;
    if (!one.empty() && one.front() != '\\' && fits) flags.keywords.push_back(one);
  }
  const auto before = [](const std::string& a, const std::string& b) { return text::lowered(a) < text::lowered(b); };
  std::sort(flags.keywords.begin(), flags.keywords.end(), before);
  return flags;
}

sieve::FlagList names_of(const mailbox::Flags& flags) {
  sieve::FlagList out;
  for (const auto& [name, bit] : kSystem)
    if (flags.has(bit)) out.emplace_back(name);
  out.insert(out.end(), flags.keywords.begin(), flags.keywords.end());
  return out;
}

void decide(const Services& services, const mailbox::LocalDelivery::Mail& mail,
            const mailbox::LocalDelivery::Recipient& recipient, const identity::Resolution::Target& owner,
            const store::Reader& reader, const std::vector<sieve::Action>& actions, Decision& out) {
  Deciding deciding(services, mail, recipient, owner, reader, out);
  for (const sieve::Action& action : actions) deciding.take(action);
}

std::string trouble_of(const sieve::Outcome& outcome) {
  if (!outcome.error) return "";
  const std::string in = outcome.error_script.empty() ? "" : "in the included script " + outcome.error_script + ", ";
  return in + outcome.error->text();
}

void FilterPlan::add(identity::Resolution::Target account, mailbox::LocalDelivery::Recipient recipient,
                     std::string script) {
  Job job{account, std::move(recipient), {}};
  job.decision.script = std::move(script);
  jobs_.emplace(account.account, std::move(job));
}

const Decision* FilterPlan::of(identity::AccountId account) const {
  const auto found = jobs_.find(account);
  return found == jobs_.end() ? nullptr : &found->second.decision;
}

void FilterPlan::run() {
  for (auto& [account, job] : jobs_) decide(job);
  if (expects_report_) report_ = trust::read_report(*mail_.prepared->bytes, mail_.prepared->structure);
}

sieve::Outcome FilterPlan::run(const Job& job, const sieve::Program& program, const store::Reader& reader, bool junk,
                               const sieve::FlagList& flags, const sieve::Limits& limits) const {
  DeliveryHost::Facts facts = facts_of_peer(mail_.peer);
  facts["vnd.pabal.junk"] = junk ? "yes" : "no";
  DeliveryHost host(services_, reader, job.account.account, std::move(facts));
  host.give(*mail_.prepared, job.recipient.address);
  sieve::Input input;
  input.bytes = *mail_.prepared->bytes;
  input.message = &mail_.prepared->structure;
  input.from = mail_.reverse_path;
  input.to = job.recipient.address;
  input.auth = mail_.author;
  input.dsn_notify = job.recipient.notify_never ? "NEVER" : job.recipient.notify_success ? "SUCCESS" : "";
  input.dsn_orcpt = job.recipient.orcpt;
  input.now = services_.clock.now();
  input.flags = flags;
  return sieve::run(program, input, host, limits);
}

void FilterPlan::decide(Job& job) const {
  Decision& out = job.decision;
  const auto snapshot = services_.store.snapshot();
  const auto trouble = [&](std::string why) {
    out.troubles.push_back(std::move(why));
    out.filings.push_back(kInbox);
  };
  sieve::Outcome outcome;
  outcome.actions.push_back({sieve::Keep{{}, true}, nullptr, 0});
  bool junk = mail_.junk;
  const auto settings = sieve::settings_program(*snapshot, job.account.account);
  if (!settings) return trouble(settings.error().message);
  if (*settings) {
    outcome = run(job, **settings, *snapshot, junk, {}, sieve::settings_limits());
    if (outcome.error) out.troubles.push_back("mail settings: " + trouble_of(outcome));
    junk = junk && std::find(outcome.flags.begin(), outcome.flags.end(), kNotJunk) == outcome.flags.end();
  }
  if (!out.script.empty() && !outcome.stopped) {
    const auto program = services_.scripts.program(*snapshot, job.account.account, out.script);
    if (!program) return trouble(program.error().message);
    const sieve::Outcome script = run(job, **program, *snapshot, junk, outcome.flags, {});
    if (script.error) out.troubles.push_back(trouble_of(script));
    outcome.actions = joined(std::move(outcome.actions), script.actions);
  }
  if (out.script.empty() || outcome.stopped) out.script = "of the mail settings";
  mailbox::LocalDelivery::Mail mail = mail_;
  mail.junk = junk;
  delivery::decide(services_, mail, job.recipient, job.account, *snapshot, outcome.actions, out);
}

}  // namespace pabal::delivery
