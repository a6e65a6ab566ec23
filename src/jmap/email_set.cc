// Email/set, /import and /copy (RFC 8621 §4.6 to §4.8).
#include <algorithm>

#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/email_setter.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

using mailbox::MailboxId;
using mailbox::Message;
using mailbox::Rights;

constexpr Rights kTakeOut = mailbox::kDeleteMessages | mailbox::kExpunge;
constexpr Rights kSee = mailbox::kLookup | mailbox::kRead;

Failure not_allowed(const std::string& what) { return {"forbidden", "you may not " + what}; }

// Where the caller sees it. A place that is flagged \Deleted is none to JMAP.
std::set<MailboxId> places_of(const Message& m, const Account& account) {
  std::set<MailboxId> out;
  for (const Message::Place& place : m.places)
    if (!place.deleted && account.may(place.mailbox, kSee)) out.insert(place.mailbox);
  return out;
}

// RFC 8621 §2, maySetSeen: what may be done in all the mailboxes it is in.
Rights common_rights(const std::set<MailboxId>& places, const Account& account) {
  Rights out = mailbox::kAllRights;
  for (const MailboxId box : places) out &= account.rights(box);
  return out;
}

std::optional<Failure> may_set_flags(const mailbox::Flags& before, const mailbox::Flags& after, Rights rights) {
  const bool seen = before.has(mailbox::kSeen) != after.has(mailbox::kSeen);
  const auto others = [](mailbox::Flags flags) {
    flags.system &= static_cast<uint8_t>(~(mailbox::kSeen | mailbox::kDeleted));
    for (std::string& word : flags.keywords) word = text::lowered(word);
    std::sort(flags.keywords.begin(), flags.keywords.end());
    return flags;
  };
  if (seen && !(rights & mailbox::kKeepSeen)) return not_allowed("set $seen there");
  if (others(before) != others(after) && !(rights & mailbox::kWriteFlags)) return not_allowed("set keywords there");
  return {};
}

// The keywords that are wanted, as flags; those that it has keep their spelling, also where JMAP would not take them.
std::optional<mailbox::Flags> flags_wanted(const mailbox::Flags& before, std::set<std::string> wanted) {
  std::vector<std::string> kept;
  for (const std::string& word : before.keywords)
    for (const std::string& shown : keywords_of({0, {word}}))
      if (wanted.erase(shown)) kept.push_back(word);
  auto flags = flags_of(wanted);
  if (flags) flags->keywords.insert(flags->keywords.end(), kept.begin(), kept.end());
  return flags;
}

// Whether all of them have one of these roles.
Or<bool> are(const Call& call, const store::Reader& r, const std::set<MailboxId>& boxes,
             const std::vector<mailbox::Role>& roles) {
  std::set<MailboxId> good;
  for (const mailbox::Role role : roles) {
    const auto box = call.services().mailboxes.by_role(r, call.account().id, role);
    if (!box) return failure_of(box.error());
    if (*box) good.insert((*box)->id);
  }
  return std::includes(good.begin(), good.end(), boxes.begin(), boxes.end());
}

Failure filing_failure(const Error& error) {
  if (error.code == Code::kNotFound) return invalid_properties({"mailboxIds"}, error.message);
  return failure_of(error);
}

}  // namespace

Or<bool> is_draft(const Call& call, const store::Reader& r, const mailbox::Flags& flags,
                  const std::set<MailboxId>& boxes) {
  if (!flags.has(mailbox::kDraft)) return false;
  return are(call, r, boxes, {mailbox::Role::kDrafts});
}

std::optional<Failure> EmailSetter::uncovered(std::string_view need, const store::Reader& r,
                                              const mailbox::Flags& flags, const std::set<MailboxId>& boxes) const {
  if (call_.caller().may(need)) return {};
  if (!call_.caller().may(identity::kMailDrafts)) return Call::lacks(need);
  const auto draft = is_draft(call_, r, flags, boxes);
  if (!draft) return draft.failure();
  return *draft ? std::nullopt : std::optional(Call::lacks(need));
}

Result<std::string> EmailSetter::state(const store::Reader& r) {
  const auto figures = call_.services().mailboxes.figures(r, call_.account().id);
  if (!figures) return figures.error();
  return state_text(figures->modseq);
}

Or<Message> EmailSetter::find(const store::Reader& r, const std::string& id) const {
  const auto number = message_of(id);
  auto m = number ? call_.services().mailboxes.message(r, call_.account().id, *number) : std::optional<Message>();
  if (!m) return failure_of(m.error());
  if (!*m || !is_visible(**m, call_.account())) return Failure{"notFound"};
  return std::move(**m);
}

Or<std::set<MailboxId>> EmailSetter::boxes(const store::Reader& r, const std::set<std::string>& ids) const {
  std::set<MailboxId> out;
  for (const std::string& given : ids) {
    const auto box = mailbox_of(call_.id_of(given));
    const auto found = box && call_.account().may(*box, kSee)
                           ? call_.services().mailboxes.get(r, call_.account().id, *box)
                           : std::optional<mailbox::Mailbox>();
    if (!found) return failure_of(found.error());
    if (!*found) return invalid_properties({"mailboxIds"}, "there is no mailbox " + text::printable(given));
    out.insert(*box);
  }
  if (out.empty()) return invalid_properties({"mailboxIds"}, "an email is in one mailbox at least; destroy it instead");
  return out;
}

Or<json::object> EmailSetter::create(store::Transaction& t, const std::string& creation, const json::object&) {
  const auto found = made_.find(creation);
  if (found == made_.end()) return Failure{"serverFail", "it was not made ready"};
  const NewEmail& email = found->second;
  mailbox::Mailboxes& mailboxes = call_.services().mailboxes;
  const mailbox::AccountId account = call_.account().id;
  const auto into = boxes(t, email.mailboxes);
  if (!into) return into.failure();
  if (auto failed = uncovered(identity::kMailInsert, t, email.flags, *into)) return *failed;
  const Rights rights = common_rights(*into, call_.account());
  if (!(rights & mailbox::kInsert)) return not_allowed("add emails there");
  if (const auto bad = may_set_flags({}, email.flags, rights)) return *bad;
  mailbox::Filing filing;
  filing.mailboxes.assign(into->begin(), into->end());
  filing.flags = email.flags;
  filing.received = email.received;
  mailbox::BodyId body = 0;
  if (email.source) {
    const auto there = mailboxes.message(t, email.source->account, email.source->message);
    if (!there) return failure_of(there.error());
    if (!*there || (*there)->places.empty()) return Failure{"notFound", "there is no such email in that account"};
    body = email.source->body;
    filing.prefix = email.source->prefix;
    filing.results = email.source->results;
  } else {
    body = mailboxes.new_body_id();
    if (const auto put = mailboxes.put_body(t, body, *email.prepared); !put) return failure_of(put.error());
  }
  const auto filed = mailboxes.file(t, account, *email.prepared, body, filing);
  if (!filed) return filing_failure(filed.error());
  json::object out;
  out["id"] = email_id(filed->message);
  out["blobId"] = blob_id(filed->message);
  out["threadId"] = thread_id(filed->thread);
  out["size"] = filing.prefix.size() + email.prepared->bytes->size();
  return out;
}

Or<json::object> EmailSetter::update(store::Transaction& t, const std::string& id, const json::object& patch) {
  const auto m = find(t, id);
  if (!m) return m.failure();
  const std::set<MailboxId> places = places_of(*m, call_.account());
  if (auto failed = uncovered(identity::kMailModify, t, m->flags, places)) return *failed;
  json::object before, boxes_before, keywords_before;
  for (const MailboxId box : places) boxes_before[mailbox_id(box)] = true;
  for (const std::string& word : keywords_of(m->flags)) keywords_before[word] = true;
  before["id"] = id;
  before["blobId"] = blob_id(m->id);
  before["threadId"] = thread_id(m->thread);
  before["size"] = m->size;
  before["receivedAt"] = utc_date(std::chrono::floor<seconds>(m->received));
  before["mailboxIds"] = std::move(boxes_before);
  before["keywords"] = std::move(keywords_before);
  const auto wanted = patched(before, patch);
  if (!wanted) return wanted.failure();
  Fields in(*wanted);
  for (const auto& [name, value] : *wanted)
    if (name != "mailboxIds" && name != "keywords" && (!before.contains(name) || before.at(name) != value))
      in.note(name);
  for (const auto& [name, value] : before)
    if (name != "keywords" && !wanted->contains(name)) in.note(name);
  const auto box_ids = in.set("mailboxIds"), keywords = in.set("keywords");
  const auto flags = flags_wanted(m->flags, keywords.value_or(std::set<std::string>()));
  if (!flags) in.note("keywords");
  if (const auto bad = in.bad_properties()) return *bad;
  if (keywords && keywords->size() > mailbox::kMaxKeywords)
    return Failure{"tooManyKeywords", "an email has at most " + std::to_string(mailbox::kMaxKeywords) + " keywords"};
  const auto into = boxes(t, box_ids.value_or(std::set<std::string>()));
  if (!into) return into.failure();
  if (!call_.caller().may(identity::kMailModify)) {
    // A draft stays one, or becomes what was sent.
    std::vector<mailbox::Role> roles{mailbox::Role::kDrafts};
    if (call_.caller().may(identity::kMailSend)) roles.push_back(mailbox::Role::kSent);
    const auto good = are(call_, t, *into, roles);
    if (!good) return good.failure();
    if (!*good) return Call::lacks(identity::kMailModify);
  }
  if (*flags != m->flags)
    if (const auto failed = set_flags(t, *m, *flags)) return *failed;
  if (*into != places)
    if (const auto failed = move(t, *m, *into)) return *failed;
  return json::object();
}

std::optional<Failure> EmailSetter::set_flags(store::Transaction& t, const Message& m, mailbox::Flags wanted) const {
  const Rights rights = common_rights(places_of(m, call_.account()), call_.account());
  if (const auto bad = may_set_flags(m.flags, wanted, rights)) return *bad;
  const Message::Place& place = m.places.front();
  const auto edit = [&](mailbox::Flags& flags) {
    const auto deleted = static_cast<uint8_t>(flags.system & mailbox::kDeleted);  // the place's
    flags = wanted;
    flags.system |= deleted;
  };
  const auto done = call_.services().mailboxes.edit_flags(t, call_.account().id, place.mailbox, {place.uid}, edit);
  if (!done) return failure_of(done.error());
  return {};
}

std::optional<Failure> EmailSetter::move(store::Transaction& t, const Message& m,
                                         const std::set<MailboxId>& wanted) const {
  mailbox::Mailboxes& mailboxes = call_.services().mailboxes;
  const Account& account = call_.account();
  const std::set<MailboxId> before = places_of(m, account);
  for (const MailboxId box : wanted) {
    if (before.contains(box)) continue;
    if (!account.may(box, mailbox::kInsert)) return not_allowed("add emails to " + mailbox_id(box));
    const auto place = mailboxes.add_place(t, account.id, m.id, box);
    if (!place) return filing_failure(place.error());
    if (!place->deleted) continue;
    // It was there, to be expunged; that somebody wants it there takes this back.
    const auto kept = mailboxes.edit_flags(t, account.id, box, {place->uid}, [](mailbox::Flags& flags) {
      flags.system &= static_cast<uint8_t>(~mailbox::kDeleted);
    });
    if (!kept) return failure_of(kept.error());
  }
  for (const MailboxId box : before) {
    if (wanted.contains(box)) continue;
    if (!account.may(box, kTakeOut)) return not_allowed("take emails out of " + mailbox_id(box));
    if (const auto left = mailboxes.remove_place(t, account.id, m.id, box); !left) return failure_of(left.error());
  }
  return {};
}

std::optional<Failure> EmailSetter::destroy(store::Transaction& t, const std::string& id) {
  const auto m = find(t, id);
  if (!m) return m.failure();
  if (auto failed = uncovered(identity::kMailDelete, t, m->flags, places_of(*m, call_.account()))) return failed;
  const Account& account = call_.account();
  for (const Message::Place& place : m->places) {
    if (!account.may(place.mailbox, kSee)) continue;  // to the caller it is not there
    if (!account.may(place.mailbox, kTakeOut)) return not_allowed("take emails out of " + mailbox_id(place.mailbox));
    if (const auto left = call_.services().mailboxes.remove_place(t, account.id, m->id, place.mailbox); !left)
      return failure_of(left.error());
  }
  return {};
}

Task<Answer> run_email_set(Call& call, ReadEmail read) {
  std::map<std::string, NewEmail> made;
  std::map<std::string, Failure> failed;
  const json::object* create = nullptr;
  if (const json::value* given = call.arguments.if_contains("create")) create = given->if_object();
  if (create && create->size() > kMaxObjectsInSet) co_return Failure{"requestTooLarge", "too many objects at once"};
  if (create && !create->empty()) {
    std::function<Result<std::optional<Failure>>()> reading = [&]() -> Result<std::optional<Failure>> {
      size_t octets = 0;
      for (const auto& [creation, object] : *create) {
        if (!object.is_object()) continue;  // run_set() says so
        auto one = read(call, object.as_object());
        if (!one && is_ours(one.failure())) return std::optional(one.failure());
        if (!one) {
          failed.emplace(creation, one.failure());
          continue;
        }
        octets += one->prepared->bytes->size();
        if (octets > kMaxEmailsMade)
          return std::optional(Failure{"requestTooLarge", "these emails are too large together; make fewer at once"});
        made.emplace(creation, std::move(*one));
      }
      return std::optional<Failure>();
    };
    Task<Result<std::optional<Failure>>> working =
        net::run_on<std::optional<Failure>>(call.services().pool, call.loop(), reading);
    const Result<std::optional<Failure>> done = co_await working;
    if (!done) co_return failure_of(done.error());
    if (*done) co_return **done;
  }
  EmailSetter setter(call, std::move(made));
  Task<Answer> setting = run_set(call, setter, std::move(failed));
  Answer answer = co_await setting;
  co_return answer;
}

namespace {

Task<Answer> email_set(Call& call) {
  ReadEmail read = read_new_email;
  Task<Answer> setting = run_email_set(call, read);
  Answer answer = co_await setting;
  co_return answer;
}

Task<Answer> email_import(Call& call) {
  Fields in(call.arguments);
  const json::object* emails = in.object("emails");
  if (!emails) in.note("emails");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  json::object arguments;
  arguments["create"] = *emails;
  if (const json::value* state = in.value("ifInState")) arguments["ifInState"] = *state;
  call.arguments = std::move(arguments);
  ReadEmail read = read_import;
  Task<Answer> setting = run_email_set(call, read);
  Answer answer = co_await setting;
  if (answer)
    for (const char* other : {"updated", "destroyed", "notUpdated", "notDestroyed"}) answer->erase(other);
  co_return answer;
}

// RFC 8620 §5.4.
Task<Answer> email_copy(Call& call) {
  Fields in(call.arguments);
  const auto from_id = in.string("fromAccountId");
  const auto from_state = in.string("ifFromInState"), destroy_state = in.string("destroyFromIfInState");
  const json::object* create = in.object("create");
  const bool destroy = in.boolean("onSuccessDestroyOriginal", false);
  if (!from_id) in.note("fromAccountId");
  if (!create) in.note("create");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  const Account* from = call.account(*from_id);
  if (!from) co_return Failure{"fromAccountNotFound"};
  if (from->id == call.account().id)
    co_return invalid_arguments("within one account, change the mailboxIds of the email by Email/set");
  const auto figures = call.services().mailboxes.figures(call.reader(), from->id);
  if (!figures) co_return failure_of(figures.error());
  if (from_state && *from_state != state_text(figures->modseq))
    co_return Failure{"stateMismatch", "the state of " + *from_id + " is " + state_text(figures->modseq)};
  const json::object originals = *create;
  for (const char* ours : {"update", "destroy"}) call.arguments.erase(ours);
  ReadEmail read = [from](Call& reading, const json::object& given) { return read_copy(reading, *from, given); };
  Task<Answer> setting = run_email_set(call, read);
  Answer answer = co_await setting;
  if (!answer) co_return answer;
  for (const char* other : {"updated", "destroyed", "notUpdated", "notDestroyed"}) answer->erase(other);
  (*answer)["fromAccountId"] = *from_id;
  const json::value created = (*answer)["created"];
  if (!destroy || !created.is_object()) co_return answer;
  json::object arguments;
  json::array ids;
  for (const auto& [creation, object] : created.as_object())
    ids.emplace_back(call.id_of(std::string_view(originals.at(creation).at("id").as_string())));
  arguments["accountId"] = *from_id;
  arguments["destroy"] = std::move(ids);
  if (destroy_state) arguments["ifInState"] = *destroy_state;
  Call after = call.further("Email/set", *from, std::move(arguments));
  ReadEmail none = read_new_email;
  Task<Answer> destroying = run_email_set(after, none);
  Answer destroyed = co_await destroying;
  if (destroyed)
    call.also("Email/set", std::move(*destroyed));
  else
    call.also("error", destroyed.failure().object());
  co_return answer;
}

}  // namespace

void add_email_changing(Methods& methods) {
  // The setter looks at what each change needs.
  const std::vector<std::string_view> making{identity::kMailInsert, identity::kMailDrafts};
  std::vector<std::string_view> changing = making;
  changing.insert(changing.end(), {identity::kMailModify, identity::kMailDelete});
  methods.add(Method{"Email/set", std::string(kMail), {}, email_set, changing});
  methods.add(Method{"Email/import", std::string(kMail), {}, email_import, making, "emails ifInState"});
  methods.add(Method{"Email/copy", std::string(kMail), {}, email_copy});
}

}  // namespace pabal::jmap
