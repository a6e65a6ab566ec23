// EmailSubmission (RFC 8621 §7). A record beside what the MSA does: the queue and the trace know how a letter fares,
// and what they say is written into the record before it is read, so that its changes are seen by /changes as well.
#include <algorithm>

#include "base/text.h"
#include "jmap/email_setter.h"
#include "jmap/envelope.h"
#include "jmap/identities.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "message/address.h"

namespace pabal::jmap {
namespace {

using Outgoing = mailbox::Outgoing;

constexpr uint64_t kMaxSubmissions = 1'000;  // records of one account; the oldest that are done make room

// Stored only.
constexpr std::string_view kLetter = "letter";    // the id of the queue and the trace
constexpr std::string_view kSettled = "settled";  // nothing more will happen

const Type& submission_type() {
  static const Type type{objects::Kind::kSubmission,
                         "S",
                         {"id", "identityId", "emailId", "threadId", "envelope", "sendAt", "undoStatus",
                          "deliveryStatus", "dsnBlobIds", "mdnBlobIds"}};
  return type;
}

json::object shaped(const objects::Object&, json::object stored) {
  stored.erase(kLetter);
  stored.erase(kSettled);
  stored["dsnBlobIds"] = json::array();
  stored["mdnBlobIds"] = json::array();
  return stored;
}

bool settled(const json::object& stored) {
  const json::value* value = stored.if_contains(kSettled);
  return value && value->is_bool() && value->as_bool();
}

// --- how it fares ---------------------------------------------------------------------------------------------------

json::object status_of(const std::vector<Outgoing::Delivery>& deliveries) {
  using State = Outgoing::Delivery::State;
  json::object out;
  for (const Outgoing::Delivery& one : deliveries) {
    json::object status;
    status["smtpReply"] = one.reply.empty() ? "250 2.0.0 queued" : one.reply;
    status["delivered"] = one.state == State::kQueued    ? "queued"
                          : one.state == State::kFiled   ? "yes"
                          : one.state == State::kRelayed ? "unknown"
                                                         : "no";
    status["displayed"] = "unknown";
    out[one.recipient] = std::move(status);
  }
  return out;
}

// The record as it should be now.
Result<json::object> followed(const Outgoing& outgoing, const store::Reader& r, json::object stored) {
  const std::string letter = text_of(stored, kLetter);
  const auto state = outgoing.state(r, letter);
  if (!state) return state.error();
  const auto deliveries = outgoing.deliveries(r, letter);
  if (!deliveries) return deliveries.error();
  if (text_of(stored, "undoStatus") != "canceled") stored["undoStatus"] = state->waits ? "pending" : "final";
  stored["deliveryStatus"] = status_of(*deliveries);
  stored[kSettled] = state->finished;
  return stored;
}

struct Step {
  objects::ObjectId id = 0;
  json::object now;
};
Result<std::vector<Step>> steps(const Outgoing& outgoing, const store::Reader& r, mailbox::AccountId account) {
  std::vector<Step> out;
  std::optional<Error> failed;
  const auto done = objects::each(r, account, objects::Kind::kSubmission, [&](objects::Object&& object) {
    const json::object stored = stored_json(object);
    if (settled(stored)) return true;
    auto now = followed(outgoing, r, stored);
    if (!now)
      failed = now.error();
    else if (*now != stored)
      out.push_back({object.id, std::move(*now)});
    return !failed;
  });
  if (failed) return *failed;
  if (!done) return done.error();
  return out;
}

// Writes into the records what has become of the letters.
Task<std::optional<Failure>> follow(Call& call) {
  const mailbox::AccountId account = call.account().id;
  const Outgoing& outgoing = call.services().outgoing;
  std::function<Result<bool>()> looking = [&call, &outgoing, account]() -> Result<bool> {
    const auto found = steps(outgoing, call.reader(), account);
    if (!found) return found.error();
    return !found->empty();
  };
  Task<Result<bool>> working = net::run_on<bool>(call.services().pool, call.loop(), looking);
  const Result<bool> some = co_await working;
  if (!some) co_return failure_of(some.error());
  if (!*some) co_return std::nullopt;
  store::Work writing = [&outgoing, account](store::Transaction& t) -> Result<void> {
    const auto found = steps(outgoing, t, account);
    if (!found) return found.error();
    for (const Step& step : *found)
      if (const auto put =
              objects::put(t, account, objects::Kind::kSubmission, step.id, api::to_text(json::value(step.now)));
          !put)
        return put;
    return {};
  };
  Task<Result<void>> committing = call.commit(writing);
  const Result<void> done = co_await committing;
  if (!done) co_return failure_of(done.error());
  co_return std::nullopt;
}

// --- /set: sending --------------------------------------------------------------------------------------------------

struct Sending {
  std::string creation;
  json::object stored;
  Outgoing::Letter letter;
  size_t recipients = 0;
  objects::ObjectId id = 0;  // written by the transaction
};

// What a record needs room for: the oldest that are done go.
Result<void> make_room(store::Transaction& t, mailbox::AccountId account) {
  const auto state = objects::state(t, account, objects::Kind::kSubmission);
  if (!state) return state.error();
  if (state->objects < kMaxSubmissions) return {};
  std::optional<objects::ObjectId> oldest;
  const auto done = objects::each(t, account, objects::Kind::kSubmission, [&](objects::Object&& object) {
    if (settled(stored_json(object))) oldest = object.id;
    return !oldest;
  });
  if (!done) return done;
  if (!oldest) return {Code::kLimit, "too many messages wait to be sent"};
  return objects::remove(t, account, objects::Kind::kSubmission, *oldest);
}

Failure recipients_failure(std::string type, std::string name, json::value value) {
  Failure out{std::move(type)};
  out.more[name] = std::move(value);
  return out;
}

Or<Sending> prepare_sending(Call& call, const std::string& creation, const json::object& given) {
  const Services& services = call.services();
  const mailbox::AccountId account = call.account().id;
  const store::Reader& r = call.reader();
  const Time now = services.clock.now();
  Fields in(given);
  const auto identity_id = in.string("identityId");
  const auto email_id = in.string("emailId");
  const json::object* asked = in.object("envelope");
  for (const auto& [name, value] : given)
    if (name != "identityId" && name != "emailId" && name != "envelope") in.note(name);
  if (!identity_id) in.note("identityId");
  if (!email_id) in.note("emailId");
  if (const auto bad = in.bad_properties()) return *bad;

  const auto identity_number = object_number(identity_type(), call.id_of(*identity_id));
  const auto found = identity_number ? objects::get(r, account, objects::Kind::kIdentity, *identity_number)
                                     : std::optional<objects::Object>();
  if (!found) return failure_of(found.error());
  if (!*found) return invalid_properties({"identityId"}, "there is no such identity");
  const std::string own = text_of(stored_json(**found), "email");

  const std::string real_id = call.id_of(*email_id);
  const auto message_id = message_of(real_id);
  const auto message =
      message_id ? services.mailboxes.message(r, account, *message_id) : std::optional<mailbox::Message>();
  if (!message) return failure_of(message.error());
  if (!*message || (*message)->places.empty()) return invalid_properties({"emailId"}, "there is no such email");
  // Who may only send would read by it, with recipients of his choice.
  if (!call.caller().may(identity::kMailRead)) {
    std::set<mailbox::MailboxId> boxes;
    for (const auto& place : (*message)->places) boxes.insert(place.mailbox);
    const auto draft = is_draft(call, r, (*message)->flags, boxes);
    if (!draft) return draft.failure();
    if (!*draft || !call.caller().may(identity::kMailDrafts)) return Call::lacks(identity::kMailRead);
  }
  if ((*message)->size > services.max_message_size) {
    Failure too_large{"tooLarge"};
    too_large.more["maxSize"] = services.max_message_size;
    return too_large;
  }
  const auto details = services.mailboxes.details(r, account, *message_id);
  if (!details || !*details)
    return failure_of(details ? Error{Code::kCorrupt, "the email is damaged"} : details.error());

  const auto is_his = [&](const std::string& address) {
    const auto may = services.directory.may_send_as(r, account, address);
    return may && *may;
  };
  auto envelope = asked ? read_envelope(*asked, now) : envelope_of((*details)->structure.summary, own, is_his);
  if (!envelope) return envelope.failure();
  if (envelope->recipients.empty()) return Failure{"noRecipients", "the message has no recipients"};
  if (envelope->recipients.size() > Outgoing::kMaxRecipients)
    return recipients_failure("tooManyRecipients", "maxRecipients", Outgoing::kMaxRecipients);
  json::array wrong;
  for (std::string& one : services.outgoing.unreachable(envelope->recipients)) wrong.emplace_back(std::move(one));
  if (!wrong.empty()) return recipients_failure("invalidRecipients", "invalidRecipients", std::move(wrong));
  if (!envelope->mail_from.empty() && !is_his(envelope->mail_from))
    return Failure{"forbiddenMailFrom", "you may not send as " + envelope->mail_from};
  for (const message::AddressItem& author : (*details)->structure.summary.from)
    if (author.kind == message::AddressItem::kMailbox && !is_his(author.address()))
      return Failure{"forbiddenFrom",
                     "the From field names " + text::printable(author.address()) + ", which is not your address"};

  auto content = services.mailboxes.content(r, account, *message_id);
  if (!content) return failure_of(content.error());
  Sending out;
  out.creation = creation;
  out.letter.account = account;
  out.letter.content = content->substr((*details)->prefix.size());
  out.letter.reverse_path = envelope->mail_from;
  out.letter.recipients = std::move(envelope->recipients);
  out.letter.release = envelope->release;
  out.letter.envid = std::move(envelope->envid);
  out.letter.ret = std::move(envelope->ret);
  out.letter.requiretls = envelope->requiretls;
  out.letter.peer = call.peer();
  const bool waits = envelope->release && *envelope->release > now;
  out.stored["identityId"] = object_id(identity_type(), *identity_number);
  out.stored["emailId"] = real_id;
  out.stored["threadId"] = thread_id((*message)->thread);
  out.stored["envelope"] = std::move(envelope->told);
  out.stored["sendAt"] = utc_date(waits ? *envelope->release : now);
  out.stored["undoStatus"] = waits ? "pending" : "final";
  out.stored["deliveryStatus"] = nullptr;
  return out;
}

Failure sending_failure(const Error& error) {
  switch (error.code) {
    case Code::kDenied:
      return {"forbiddenToSend", error.message};
    case Code::kInvalid:
      return {"invalidEmail", error.message};
    case Code::kNotFound:
      return {"invalidRecipients", error.message};
    case Code::kLimit:
      return {"overQuota", error.message};
    default:
      return failure_of(error);
  }
}

// The record is written in the transaction that sends.
Task<Or<objects::ObjectId>> send(Call& call, Sending sending) {
  const auto made = std::make_shared<objects::ObjectId>();
  const mailbox::AccountId account = call.account().id;
  sending.letter.also = [made, account, stored = sending.stored](store::Transaction& t,
                                                                 const Outgoing::Ready& ready) -> Result<void> {
    if (const auto room = make_room(t, account); !room) return room;
    json::object record = stored;
    record[kLetter] = ready.id;
    record[kSettled] = false;
    const auto id = objects::add(t, account, objects::Kind::kSubmission, api::to_text(json::value(std::move(record))));
    if (!id) return id.error();
    *made = *id;
    return {};
  };
  Task<Result<std::string>> sent = call.services().outgoing.send(call.loop(), std::move(sending.letter));
  const Result<std::string> id = co_await sent;
  call.read_anew();
  if (!id) co_return sending_failure(id.error());
  co_return *made;
}

// --- /set: what becomes of it afterwards ----------------------------------------------------------------------------

class SubmissionSetter final : public CollectionSetter {
 public:
  using CollectionSetter::CollectionSetter;
  void begin() override { emails.clear(); }
  std::map<std::string, std::string> emails;  // of those changed or destroyed: the emailId

 protected:
  // RFC 8621 §7.5: only undoStatus changes, from pending to canceled.
  Or<json::object> checked(store::Transaction& t, const json::object* before, json::object wanted) override {
    if (!before) return Failure{"serverFail", "what is created is sent before"};
    std::vector<std::string> bad;
    for (const auto& [name, value] : wanted)
      if (name != "undoStatus" && (!before->contains(name) || before->at(name) != value)) bad.emplace_back(name);
    for (const auto& [name, value] : *before)
      if (!wanted.contains(name)) bad.emplace_back(name);
    const std::string was = text_of(*before, "undoStatus"), now = text_of(wanted, "undoStatus");
    if (now != was && now != "canceled") bad.emplace_back("undoStatus");
    if (!bad.empty()) return invalid_properties(std::move(bad), "only undoStatus can be changed, to canceled");
    if (now == was) return *before;
    if (const auto done = call_.services().outgoing.cancel(t, text_of(*before, kLetter)); !done) {
      if (done.code() == Code::kConflict || done.code() == Code::kNotFound)
        return Failure{"cannotUnsend", done.error().message};
      return failure_of(done.error());
    }
    return wanted;
  }
};

// The emails that onSuccessUpdateEmail and onSuccessDestroyEmail mean (RFC 8621 §7.5). `done`: submissions that were
// created, updated or destroyed here, with their emails.
Task<void> change_emails(Call& call, const Methods& methods, std::map<std::string, std::string> done,
                         json::object update, json::array destroy) {
  json::object patches;
  json::array going;
  for (const auto& [given, patch] : update)
    if (const auto found = done.find(call.id_of(given)); found != done.end()) patches[found->second] = patch;
  for (const json::value& given : destroy)
    if (const auto found = done.find(call.id_of(given.as_string())); found != done.end())
      going.emplace_back(found->second);
  if (patches.empty() && going.empty()) co_return;
  json::object arguments;
  arguments["accountId"] = account_id(call.account().id);
  if (!patches.empty()) arguments["update"] = std::move(patches);
  if (!going.empty()) arguments["destroy"] = std::move(going);
  call.arguments = std::move(arguments);
  const Method* email_set = methods.find("Email/set");
  if (!email_set || !email_set->run) co_return call.also("error", Failure{"unknownMethod"}.object());
  Task<Answer> setting = email_set->run(call);
  Answer answer = co_await setting;
  if (answer)
    call.also("Email/set", std::move(*answer));
  else
    call.also("error", answer.failure().object());
}

constexpr const char* kAlone = "mail is sent from one's own account";

Task<Answer> submission_set(Call& call, const Methods& methods) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Fields in(call.arguments);
  json::object create, on_update;
  json::array on_destroy;
  if (const json::object* given = in.object("create")) create = *given;
  if (const json::object* given = in.object("onSuccessUpdateEmail")) on_update = *given;
  if (const json::array* given = in.array("onSuccessDestroyEmail")) on_destroy = *given;
  for (const auto& [creation, object] : create)
    if (!object.is_object() || !is_id(creation)) in.note("create");
  for (const auto& [id, patch] : on_update)
    if (!patch.is_object()) in.note("onSuccessUpdateEmail");
  for (const json::value& id : on_destroy)
    if (!id.is_string()) in.note("onSuccessDestroyEmail");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  if (create.size() > kMaxObjectsInSet) co_return Failure{"requestTooLarge", "too many objects at once"};
  Task<std::optional<Failure>> following = follow(call);
  const auto failed = co_await following;
  if (failed) co_return *failed;
  const auto state = objects::state(call.reader(), call.account().id, objects::Kind::kSubmission);
  if (!state) co_return failure_of(state.error());
  const std::string before = state_of(state->modseq);
  if (const auto wanted = in.string("ifInState"); wanted && *wanted != before)
    co_return Failure{"stateMismatch", "the state is " + before};

  json::object created, not_created;
  std::map<std::string, std::string> emails;
  for (const auto& [name, object] : create) {
    const std::string creation(name);
    std::function<Result<Or<Sending>>()> preparing = [&call, &creation, &made = object]() -> Result<Or<Sending>> {
      return prepare_sending(call, creation, made.as_object());
    };
    Task<Result<Or<Sending>>> working = net::run_on<Or<Sending>>(call.services().pool, call.loop(), preparing);
    Result<Or<Sending>> ready = co_await working;
    if (!ready || !*ready) {
      not_created[creation] = (ready ? ready->failure() : failure_of(ready.error())).object();
      continue;
    }
    const json::object stored = (**ready).stored;
    Task<Or<objects::ObjectId>> sending = send(call, std::move(**ready));
    const Or<objects::ObjectId> sent = co_await sending;
    if (!sent) {
      not_created[creation] = sent.failure().object();
      continue;
    }
    const std::string id = object_id(submission_type(), *sent);
    call.created(creation, id);
    emails[id] = text_of(stored, "emailId");
    json::object told = stored;
    for (const char* known : {"identityId", "emailId"}) told.erase(known);
    told["id"] = id;
    told["dsnBlobIds"] = json::array();
    told["mdnBlobIds"] = json::array();
    created[creation] = std::move(told);
  }

  // Updates and removals, in one commit. What they are about is looked up before it goes.
  std::vector<std::string> others = in.strings("destroy").value_or(std::vector<std::string>());
  if (const json::object* update = in.object("update"))
    for (const auto& [id, patch] : *update) others.emplace_back(id);
  std::map<std::string, std::string> emails_of_others;
  for (const std::string& given : others) {
    const std::string id = call.id_of(given);
    const auto number = object_number(submission_type(), id);
    const auto found = number ? objects::get(call.reader(), call.account().id, objects::Kind::kSubmission, *number)
                              : std::optional<objects::Object>();
    if (found && *found) emails_of_others[id] = text_of(stored_json(**found), "emailId");
  }
  for (const char* ours : {"create", "ifInState", "onSuccessUpdateEmail", "onSuccessDestroyEmail"})
    call.arguments.erase(ours);
  SubmissionSetter setter(call, submission_type());
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  if (!answer) co_return answer;
  (*answer)["oldState"] = before;
  if (!created.empty()) (*answer)["created"] = std::move(created);
  if (!not_created.empty()) (*answer)["notCreated"] = std::move(not_created);
  if (const json::object* updated = (*answer)["updated"].if_object())
    for (const auto& [id, value] : *updated) emails[id] = emails_of_others[id];
  if (const json::array* destroyed = (*answer)["destroyed"].if_array())
    for (const json::value& id : *destroyed)
      emails[std::string(id.as_string())] = emails_of_others[std::string(id.as_string())];
  Task<void> changing = change_emails(call, methods, std::move(emails), std::move(on_update), std::move(on_destroy));
  co_await changing;
  co_return answer;
}

// --- reading --------------------------------------------------------------------------------------------------------

std::optional<Failure> check_condition(const json::object& condition) {
  Fields in(condition);
  for (const char* list : {"identityIds", "emailIds", "threadIds"}) in.strings(list);
  in.string("undoStatus");
  in.utc_date("before");
  in.utc_date("after");
  for (const auto& [name, value] : condition)
    if (name != "identityIds" && name != "emailIds" && name != "threadIds" && name != "undoStatus" &&
        name != "before" && name != "after")
      return Failure{"unsupportedFilter", "there is no condition \"" + std::string(name) + "\""};
  return in.bad_arguments();
}

bool holds(const json::object& submission, const json::object& condition) {
  Fields in(condition);
  const std::pair<const char*, const char*> lists[] = {
      {"identityIds", "identityId"}, {"emailIds", "emailId"}, {"threadIds", "threadId"}};
  for (const auto& [list, property] : lists)
    if (const auto ids = in.strings(list);
        ids && std::find(ids->begin(), ids->end(), text_of(submission, property)) == ids->end())
      return false;
  if (const auto status = in.string("undoStatus"); status && *status != text_of(submission, "undoStatus")) return false;
  const auto at = parse_utc_date(text_of(submission, "sendAt"));
  if (const auto before = in.utc_date("before"); before && (!at || *at >= *before)) return false;
  if (const auto after = in.utc_date("after"); after && (!at || *at < *after)) return false;
  return true;
}

// Ids as numbers with leading zeros, so that they stand in their order.
std::string sort_key(const json::object& submission, const std::string& property) {
  if (property == "sentAt" || property == "sendAt") return text_of(submission, "sendAt");
  const std::string id = text_of(submission, property);
  return std::string(24 - std::min<size_t>(24, id.size()), '0') + (id.empty() ? "" : id.substr(1));
}

Answer read_submissions(Call& call) {
  if (call.name() == "EmailSubmission/get") return get_objects(call, submission_type(), shaped);
  if (call.name() == "EmailSubmission/changes") return object_changes(call, submission_type());
  const Querying how{submission_type(), shaped, {"emailId", "threadId", "sentAt", "sendAt"},
                     check_condition,   holds,  sort_key};
  return query_objects(call, how, call.name() == "EmailSubmission/queryChanges");
}

Task<Answer> submission_read(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Task<std::optional<Failure>> following = follow(call);
  const auto failed = co_await following;
  if (failed) co_return *failed;
  std::function<Result<Answer>()> reading = [&call]() -> Result<Answer> { return read_submissions(call); };
  Task<Result<Answer>> working = net::run_on<Answer>(call.services().pool, call.loop(), reading);
  Result<Answer> answer = co_await working;
  if (!answer) co_return failure_of(answer.error());
  co_return std::move(*answer);
}

}  // namespace

void add_submissions(Methods& methods) {
  Capability capability;
  capability.name = kSubmission;
  capability.of_account = [](const Services& services, const Account& account) -> std::optional<json::object> {
    if (!account.own) return {};
    const auto most = std::chrono::duration_cast<seconds>(Outgoing::kMaxDelay).count();
    json::object extensions;
    extensions["FUTURERELEASE"] = json::array{std::to_string(most)};
    extensions["SIZE"] = json::array{std::to_string(services.max_message_size)};
    extensions["DSN"] = json::array();
    extensions["REQUIRETLS"] = json::array();
    json::object out;
    out["maxDelayedSend"] = most;
    out["submissionExtensions"] = std::move(extensions);
    return out;
  };
  methods.add(capability);
  for (const char* name : {"get", "changes", "query", "queryChanges"})
    methods.add(Method{"EmailSubmission/" + std::string(name), std::string(kSubmission), {}, submission_read});
  const auto set = [&methods](Call& call) { return submission_set(call, methods); };  // they outlive the call
  methods.add(Method{"EmailSubmission/set",
                     std::string(kSubmission),
                     {},
                     set,
                     {identity::kMailSend},
                     "onSuccessUpdateEmail onSuccessDestroyEmail"});
}

}  // namespace pabal::jmap
