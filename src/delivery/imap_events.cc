#include "delivery/imap_events.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "delivery/filter.h"
#include "delivery/host.h"
#include "mailbox/annotations.h"

namespace pabal::delivery {
namespace {

constexpr std::string_view kEntry = "/shared/imapsieve/script";  // RFC 6785 §2.3.1

std::string_view name_of(mailbox::MailEvents::Cause cause) {
  using enum mailbox::MailEvents::Cause;
  return cause == kAppend ? "APPEND" : cause == kCopy ? "COPY" : "FLAG";  // RFC 6785 §4.3
}

// What a script made of the flags it saw; what a client has changed since stays.
void change(mailbox::Flags& flags, const mailbox::Flags& seen, const mailbox::Flags& wanted) {
  const auto has = [](const mailbox::Flags& in, const std::string& word) {
    return std::any_of(in.keywords.begin(), in.keywords.end(),
                       [&](const std::string& one) { return text::iequals(one, word); });
  };
  flags.system |= wanted.system & ~seen.system;
  flags.system &= static_cast<uint8_t>(~(seen.system & ~wanted.system));
  std::erase_if(flags.keywords, [&](const std::string& one) { return has(seen, one) && !has(wanted, one); });
  for (const std::string& one : wanted.keywords)
    if (!has(seen, one)) flags.keywords.push_back(one);
}

}  // namespace

// One script on one message: what is known before the transaction.
struct ImapEvents::Run {
  const mailbox::MailEvents::Event& event;
  mailbox::Uid uid;
  identity::Resolution::Target owner;
  mailbox::Flags seen, wanted;
  mailbox::LocalDelivery::Mail mail;  // without `prepared`: nothing is to be done but flags
  Decision decision;
  std::string prefix;
};

// RFC 6785 §2.3.1: the mailbox's entry, even an empty one, goes before the server's.
Result<ImapEvents::Named> ImapEvents::script_for(mailbox::AccountId owner, mailbox::MailboxId box) const {
  for (const mailbox::Annotated& on : {mailbox::Annotated{owner, box}, mailbox::kTheServer}) {
    auto value = mailbox::annotation(services_.store, on, owner, kEntry);
    if (!value) return value.error();
    if (*value) return Named{std::move(**value), on == mailbox::kTheServer};
  }
  return Named{};
}

bool ImapEvents::listens(mailbox::AccountId owner, mailbox::MailboxId box) const {
  const auto named = script_for(owner, box);
  return !named || !named->script.empty();  // what could not be read is said when it happens
}

void ImapEvents::happened(Event event) {
  auto named = script_for(event.owner, event.mailbox);
  if (!named) return log::error("delivery", "whether a script is to run for IMAP: " + named.error().message);
  if (named->script.empty() || event.messages.empty()) return;
  std::lock_guard lock(mutex_);
  if (waiting_ + event.messages.size() > kMaxEventMessages)
    return log::warn("delivery", "too many messages wait for scripts of IMAP; script " + named->script +
                                     " does not see " + std::to_string(event.messages.size()) + " more");
  waiting_ += event.messages.size();
  jobs_.push_back({std::move(event), std::move(*named)});
  if (!working_) start();
}

void ImapEvents::start() {
  working_ = !jobs_.empty();
  if (!working_ || pool_.submit([this] { work(); })) return;
  log::warn("delivery",
            "the server is too busy, or stops: scripts of IMAP do not see " + std::to_string(waiting_) + " messages");
  jobs_.clear();
  waiting_ = 0;
  working_ = false;
}

void ImapEvents::work() {
  Job job;
  {
    std::lock_guard lock(mutex_);
    job = std::move(jobs_.front());
    jobs_.pop_front();
    --waiting_;
  }
  const Affected& affected = job.event.messages[job.next++];
  if (const auto done = handle(job, affected); !done)
    log::error("delivery", "script " + job.named.script + " of account " + std::to_string(job.event.owner) +
                               ", for IMAP: " + done.error().message);
  std::lock_guard lock(mutex_);
  if (job.next < job.event.messages.size()) jobs_.push_back(std::move(job));
  start();
}

Result<void> ImapEvents::handle(const Job& job, const Affected& affected) {
  const auto snapshot = services_.store.snapshot();
  const auto& boxes = services_.mailboxes;
  const identity::AccountId id = job.event.owner;
  auto program = services_.scripts.program(*snapshot, id, job.named.script);
  if (!program && program.code() == Code::kNotFound && job.named.by_server)
    program = services_.scripts.program(*snapshot, sieve::kServerScripts, job.named.script);
  if (!program) return program.code() == Code::kNotFound ? Result<void>() : program.error();  // RFC 6785 §2.3.1
  const auto box = boxes.get(*snapshot, id, job.event.mailbox);
  if (!box) return box.error();
  const auto row = boxes.row(*snapshot, id, job.event.mailbox, affected.uid);
  if (!row) return row.error();
  if (!*box || !*row) return {};  // it has gone meanwhile
  const auto message = boxes.message(*snapshot, id, (*row)->message);
  if (!message) return message.error();
  const auto details = boxes.details(*snapshot, id, (*row)->message);
  if (!details) return details.error();
  if (!*message || !*details) return {};
  auto body = boxes.body(*snapshot, (*message)->body);
  if (!body) return body.error();
  const auto owner = services_.directory.account(*snapshot, id);
  if (!owner) return owner.error();
  const auto user = services_.directory.account(*snapshot, job.event.user);
  if (!user) return user.error();
  if (!*owner) return {};
  const std::string filer = *user ? (*user)->name : "";

  DeliveryHost host(services_, *snapshot, id,
                    {{"location", "MS"},  // RFC 6785 §4.1
                     {"phase", "post"},
                     {"imap.user", filer},
                     {"imap.email", filer},
                     {"imap.cause", std::string(name_of(job.event.cause))},
                     {"imap.mailbox", (*box)->name},
                     {"imap.changedflags", text::join(names_of(affected.changed), " ")}});
  sieve::Input input;
  input.bytes = *body;
  input.message = &(*details)->structure;
  input.now = services_.clock.now();
  input.imap_event = true;
  input.flags = names_of((*row)->flags);
  sieve::Outcome outcome = sieve::run(**program, input, host);

  Run run{job.event, affected.uid, {id, (*owner)->name}, (*row)->flags, (*row)->flags, {}, {}, (*details)->prefix};
  run.decision.script = job.named.script;
  if (outcome.error) {
    run.decision.troubles.push_back(trouble_of(outcome));
    run.decision.stays = true;
    outcome.actions.clear();
  }
  // RFC 6785 §3.1, §3.2: what is kept is the message as it is, with the flags it has now.
  sieve::FlagList kept;
  std::erase_if(outcome.actions, [&](const sieve::Action& action) {
    const auto* keep = std::get_if<sieve::Keep>(&action.what);
    if (keep) kept.insert(kept.end(), keep->flags.begin(), keep->flags.end()), run.decision.stays = true;
    return keep != nullptr;
  });
  if (!run.decision.stays)
    run.wanted.system |= mailbox::kDeleted;  // §2.2.4
  else if (!outcome.error)
    run.wanted = flags_of(kept);
  if (outcome.error || !outcome.actions.empty()) {
    run.mail.id = id_text(services_.ids.next());
    run.mail.reverse_path = (*owner)->name;  // §3.4
    run.mail.body = (*message)->body;
    run.mail.peer = "IMAP of " + filer;
    run.mail.accepted = true;
    run.mail.prepared = mailbox::prepare(std::move(*body));
    run.mail.smtputf8 = run.mail.prepared->structure.utf8_headers;
    decide(services_, run.mail, {(*owner)->name, ""}, run.owner, *snapshot, outcome.actions, run.decision);
    for (Decision::Filing& filing : run.decision.filings)
      filing.flags.system &= static_cast<uint8_t>(~mailbox::kDeleted);  // of this mailbox, as with COPY
  }
  return carry_out(run);
}

Result<void> ImapEvents::carry_out(const Run& run) {
  if (!run.mail.prepared && run.wanted == run.seen) return {};
  return services_.store.transact_and_wait([&](store::Transaction& t) -> Result<void> {
    const auto row = services_.mailboxes.row(t, run.event.owner, run.event.mailbox, run.uid);
    if (!row) return row.error();
    if (!*row) return {};
    if (run.mail.prepared) {
      const auto why_not = delivery_.carry_out_event(t, run.mail, run.owner, run.decision, run.prefix);
      if (!why_not) return why_not.error();
      if (*why_not) return {};
    }
    const auto edited =
        services_.mailboxes.edit_flags(t, run.event.owner, run.event.mailbox, {run.uid},
                                       [&](mailbox::Flags& flags) { change(flags, run.seen, run.wanted); });
    return edited ? Result<void>() : edited.error();
  });
}

}  // namespace pabal::delivery
