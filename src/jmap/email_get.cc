// Email/get and Email/parse (RFC 8621 §4.2, §4.9).
#include <algorithm>

#include "jmap/blobs.h"
#include "jmap/email.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/references.h"

namespace pabal::jmap {
namespace {

using Needs = EmailArguments::Needs;

constexpr size_t kMaxParsed = 200'000'000;  // octets of the blobs of one Email/parse

const std::set<std::string> kUsual = {
    "id",         "blobId",    "threadId",      "mailboxIds", "keywords",   "size",
    "receivedAt", "messageId", "inReplyTo",     "references", "sender",     "from",
    "to",         "cc",        "bcc",           "replyTo",    "subject",    "sentAt",
    "preview",    "textBody",  "hasAttachment", "htmlBody",   "bodyValues", "attachments"};
const std::set<std::string> kUsualParsed = {"messageId",  "inReplyTo",  "references", "sender",   "from",
                                            "to",         "cc",         "bcc",        "replyTo",  "subject",
                                            "sentAt",     "preview",    "textBody",   "htmlBody", "hasAttachment",
                                            "bodyValues", "attachments"};

Failure too_large(const std::string& what) { return {"requestTooLarge", what}; }

// Objects gathered for one answer, which stays within what a request may hold.
class Gathering {
 public:
  bool add(const json::object& object) {
    octets_ += weight(object);
    return octets_ <= kMaxAnswer;
  }
  static Failure failure() {
    return too_large("these are too large together; ask for fewer, or with maxBodyValueBytes");
  }

 private:
  size_t octets_ = 0;
};

// The messages that the caller sees, by their ids.
using Messages = std::map<mailbox::MessageId, mailbox::Message>;
Result<Messages> visible_messages(Call& call, const std::vector<mailbox::MessageId>& ids) {
  Messages out;
  const auto read =
      call.services().mailboxes.each_message(call.reader(), call.account().id, ids, [&](mailbox::Message&& m) {
        if (is_visible(m, call.account())) out[m.id] = std::move(m);
      });
  if (!read) return read.error();
  return out;
}

class Getter {
 public:
  Getter(Call& call, const EmailArguments& asked) : call_(call), asked_(asked), boxes_(call.services().mailboxes) {}

  // All of them, at once where their headers are enough: many small ones lie together.
  Or<std::map<mailbox::MessageId, json::object>> objects(const Messages& messages) {
    std::vector<mailbox::MessageId> ids;
    std::vector<const mailbox::Message*> wanted;
    for (const auto& [id, m] : messages) {
      ids.push_back(id);
      wanted.push_back(&m);
    }
    if (asked_.needs() == Needs::kHeader) {
      const auto read =
          boxes_.each_beginning(call_.reader(), call_.account().id, wanted,
                                [&](mailbox::MessageId id, std::optional<mailbox::Mailboxes::Beginning>&& begin) {
                                  if (begin)
                                    headers_[id] = begin->octets.substr(begin->prefix, begin->header - begin->prefix);
                                });
      if (!read) return failure_of(read.error());
    }
    const auto read = boxes_.each_details(call_.reader(), call_.account().id, ids,
                                          [&](mailbox::MessageId id, mailbox::Details&& details) {
                                            if (!failed_) take(messages.at(id), details);
                                          });
    if (!read) return failure_of(read.error());
    if (failed_) return *failed_;
    return std::move(out_);
  }

 private:
  void take(const mailbox::Message& m, const mailbox::Details& details) {
    std::string body;
    const auto header = headers_.find(m.id);
    if (asked_.needs() == Needs::kAll || (asked_.needs() == Needs::kHeader && header == headers_.end())) {
      auto read = boxes_.body(call_.reader(), m.body);
      if (!read) {
        failed_ = failure_of(read.error());
        return;
      }
      body = std::move(*read);
    } else if (header != headers_.end())
      body = std::move(header->second);
    json::object& object = out_[m.id];
    put_metadata(object, m, call_.account(), asked_);
    put_content(object, {&details.structure, details.prefix, body, blob_id(m.id), details.preview}, asked_);
    if (!gathering_.add(object)) failed_ = Gathering::failure();
  }

  Call& call_;
  const EmailArguments& asked_;
  const mailbox::Mailboxes& boxes_;
  std::map<mailbox::MessageId, std::string> headers_;
  std::map<mailbox::MessageId, json::object> out_;
  std::optional<Failure> failed_;
  Gathering gathering_;
};

// All that the caller sees, if they are not too many for one answer.
Or<std::vector<std::string>> all_ids(Call& call) {
  std::vector<std::string> out;
  const auto read = call.services().mailboxes.each_message(call.reader(), call.account().id, [&](mailbox::Message&& m) {
    if (out.size() <= kMaxObjectsInGet && is_visible(m, call.account())) out.push_back(email_id(m.id));
  });
  if (!read) return failure_of(read.error());
  if (out.size() > kMaxObjectsInGet)
    return too_large("there are more than " + std::to_string(kMaxObjectsInGet) + " emails; name them by \"ids\"");
  return out;
}

Answer get(Call& call) {
  auto asked = read_get(call, {});
  if (!asked) return asked.failure();
  const auto how = read_email_arguments(call, kUsual);
  if (!how) return how.failure();
  if (!asked->ids) {
    auto all = all_ids(call);
    if (!all) return all.failure();
    asked->ids = std::move(*all);
  }
  std::vector<mailbox::MessageId> ids;
  for (const std::string& id : *asked->ids)
    if (const auto message = message_of(id)) ids.push_back(*message);
  std::sort(ids.begin(), ids.end());
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  const auto messages = visible_messages(call, ids);
  if (!messages) return failure_of(messages.error());
  auto objects = Getter(call, *how).objects(*messages);
  if (!objects) return objects.failure();
  json::array list, not_found;
  for (const std::string& id : *asked->ids) {
    const auto found = objects->find(message_of(id).value_or(0));
    if (found == objects->end())
      not_found.emplace_back(id);
    else
      list.emplace_back(std::move(found->second));
  }
  return get_answer(call, state_text(figures->modseq), std::move(list), std::move(not_found));
}

json::value list_or_null(json::array list) {
  return list.empty() ? json::value(nullptr) : json::value(std::move(list));
}

// Of octets that lie in no mailbox, what an account would say is null (§4.9).
json::object parsed_object(const std::string& octets, const std::string& blob, const EmailArguments& asked) {
  const message::Message structure = message::parse(octets);
  const std::string preview = message::preview(octets, structure);
  json::object out;
  for (const char* name : {"id", "threadId", "mailboxIds", "keywords", "receivedAt"})
    if (asked.wants(name)) out[name] = nullptr;
  if (asked.wants("blobId")) out["blobId"] = blob;
  if (asked.wants("size")) out["size"] = octets.size();
  put_content(out, {&structure, {}, octets, blob, preview}, asked);
  return out;
}

Answer parse(Call& call) {
  const auto asked = read_email_arguments(call, kUsualParsed);
  if (!asked) return asked.failure();
  Fields in(call.arguments);
  const auto given = in.strings("blobIds");
  if (!given) in.note("blobIds");
  if (const auto bad = in.bad_arguments()) return *bad;
  if (given->size() > kMaxObjectsInGet) return too_large("too many blobs at once");
  json::object parsed;
  json::array not_parsable, not_found;
  Gathering gathering;
  size_t octets = 0;
  std::set<std::string> seen;
  for (const std::string& one : *given) {
    const std::string id = call.id_of(one);
    if (!seen.insert(id).second) continue;
    const auto blob = read_blob(call.services(), call.reader(), call.account(), id);
    if (!blob) return failure_of(blob.error());
    if (!*blob) {
      not_found.emplace_back(one);
      continue;
    }
    octets += (*blob)->octets.size();
    if (octets > kMaxParsed) return too_large("these blobs are too large together");
    // A message begins with a header field.
    if (message::header_fields((*blob)->octets).empty()) {
      not_parsable.emplace_back(one);
      continue;
    }
    json::object object = parsed_object((*blob)->octets, id, *asked);
    if (!gathering.add(object)) return Gathering::failure();
    parsed[one] = std::move(object);
  }
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["parsed"] = parsed.empty() ? json::value(nullptr) : json::value(std::move(parsed));
  out["notParsable"] = list_or_null(std::move(not_parsable));
  out["notFound"] = list_or_null(std::move(not_found));
  return out;
}

}  // namespace

void add_emails(Methods& methods) {
  const std::string shape =
      "bodyProperties fetchTextBodyValues fetchHTMLBodyValues fetchAllBodyValues maxBodyValueBytes";
  const std::string mail(kMail);
  methods.add(Method{"Email/get", mail, get, {}, {identity::kMailRead}, shape});
  methods.add(Method{"Email/parse", mail, parse, {}, {identity::kMailRead}, "blobIds properties " + shape});
}

}  // namespace pabal::jmap
