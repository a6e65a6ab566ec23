#include "gmail/letters.h"

#include <algorithm>

#include "base/text.h"
#include "gmail/drafts.h"
#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/labels.h"
#include "gmail/modify.h"
#include "gmail/resource.h"
#include "message/build.h"
#include "message/date.h"
#include "message/message.h"

namespace pabal::gmail {

using api::json::object;
using api::json::value;
using mailbox::BodyId;
using mailbox::Message;
using mailbox::MessageId;
using mailbox::Prepared;
using mailbox::Role;

namespace {

using PreparedPtr = std::shared_ptr<const Prepared>;

// Many scripts write "\n" alone: RFC 5322 §2.3 wants CRLF.
std::string with_line_ends(std::string bytes) {
  size_t bare = 0;
  for (size_t at = bytes.find('\n'); at != bytes.npos; at = bytes.find('\n', at + 1))
    bare += at == 0 || bytes[at - 1] != '\r';
  if (bare == 0) return bytes;
  std::string out;
  out.reserve(bytes.size() + bare);
  char last = '\0';
  for (const char c : bytes) {
    if (c == '\n' && last != '\r') out += '\r';
    out += last = c;
  }
  return out;
}

std::string_view header_of(const std::string& bytes) {
  return std::string_view(bytes).substr(0, message::header_size(bytes));
}
bool has_field(const std::string& bytes, std::string_view name) {
  return message::find_field(header_of(bytes), name).has_value();
}

// Puts fields before the others. One that text stands in place of a header gets a blank line.
std::string with_fields(std::string fields, std::string bytes) {
  if (message::header_fields(header_of(bytes)).empty() && !bytes.starts_with("\r\n")) fields += "\r\n";
  return fields + std::move(bytes);
}

// The author, where none is named: who sends.
Result<std::string> with_author(const identity::Account& account, std::string bytes) {
  if (has_field(bytes, "From")) return bytes;
  message::AddressItem author;
  author.display = account.display_name;
  const size_t at = account.name.rfind('@');
  author.local = account.name.substr(0, at);
  author.domain = account.name.substr(std::min(at + 1, account.name.size()));
  auto line = message::address_line("From", {author});
  if (!line) return line;
  return with_fields(std::move(*line), std::move(bytes));
}

// Parsed, words cut, compressed: on the pool.
Task<Result<PreparedPtr>> prepared_of(CallPtr call, std::string bytes) {
  if (bytes.size() > call->services.max_message_size)
    co_return Error{Code::kLimit, "The message exceeds the maximum size of " +
                                      std::to_string(call->services.max_message_size) + " octets"};
  const auto held = std::make_shared<std::string>(std::move(bytes));
  const std::function<Result<PreparedPtr>()> work = [held]() -> Result<PreparedPtr> {
    auto prepared = mailbox::prepare(std::move(*held));
    if (prepared->structure.has_nul) return Error{Code::kInvalid, "The message has NUL octets where none may be"};
    return prepared;
  };
  Task<Result<PreparedPtr>> working = run<PreparedPtr>(&call->services, call->request.loop, work);
  co_return co_await working;
}

// threadId names a thread that is there. Whether a message joins it is for its References to say.
Result<void> check_thread(const Call& call, const store::Reader& r, const std::string& thread) {
  if (thread.empty()) return {};
  const auto id = parse_id(thread);
  if (!id) return Error{Code::kInvalid, "Invalid thread id: " + text::printable(thread)};
  const auto members = call.services.mailboxes.thread(r, call.account(), *id);
  if (!members) return members.error();
  if (members->empty()) return missing();
  return {};
}

Result<value> brief(const Call& call, const store::Reader& r, MessageId id) {
  const auto labels = Labels::read(call.services.mailboxes, r, call.account());
  if (!labels) return labels.error();
  const auto m = call.services.mailboxes.message(r, call.account(), id);
  if (!m) return m.error();
  if (!*m) return missing();
  return value(brief_of(*labels, **m));
}

// A copy in Sent, as its author sees it.
Result<MessageId> file_sent(const Call& call, store::Transaction& t, const mailbox::Outgoing::Ready& ready) {
  auto placing = placing_of(call.services.mailboxes, t, call.account(), {"SENT"});
  if (!placing) return placing.error();
  mailbox::Filing filing;
  filing.prefix = ready.bcc;
  filing.mailboxes = std::move(placing->mailboxes);
  filing.flags = std::move(placing->flags);
  const auto filed = call.services.mailboxes.file(t, call.account(), *ready.prepared, ready.body, filing);
  if (!filed) return filed.error();
  return filed->message;
}

// Sends; `beside` runs in the transaction, with the copy in Sent.
using Beside = std::function<Result<void>(store::Transaction&)>;
Task<Result<value>> send(CallPtr call, std::string bytes, std::string thread, Beside beside) {
  if (!call->services.outgoing) co_return Error{Code::kUnavailable, "This server sends no mail"};
  if (const auto known = check_thread(*call, call->services.store, thread); !known) co_return known.error();
  auto authored = with_author(call->caller.account, std::move(bytes));
  if (!authored) co_return authored.error();
  const auto sent = std::make_shared<MessageId>(0);
  mailbox::Outgoing::Letter letter;
  letter.account = call->account();
  letter.content = std::move(*authored);
  letter.peer = "Gmail API from " + call->request.client.ip;
  letter.also = [call, sent, beside = std::move(beside)](store::Transaction& t,
                                                         const mailbox::Outgoing::Ready& ready) -> Result<void> {
    const auto copy = file_sent(*call, t, ready);
    if (!copy) return copy.error();
    *sent = *copy;
    return beside ? beside(t) : Result<void>();
  };
  Task<Result<std::string>> sending = call->services.outgoing->send(*call->request.loop, std::move(letter));
  const Result<std::string> done = co_await sending;
  // A recipient that is not there is a fault of the letter, not of the path.
  if (!done) co_return done.code() == Code::kNotFound ? Error{Code::kInvalid, done.error().message} : done.error();
  co_return brief(*call, call->services.store, *sent);
}

std::optional<Time> date_of(const Prepared& prepared) { return prepared.structure.summary.date; }

// Message-ID, Date and author of a draft that has none, as Gmail gives them: the id keeps its replacements and what is
// sent of it in one thread.
Result<std::string> completed_draft(const Call& call, std::string bytes, const std::string& message_id) {
  auto authored = with_author(call.caller.account, std::move(bytes));
  if (!authored) return authored;
  const Time now = call.services.clock.now();
  std::string fields;
  if (!has_field(*authored, "Date")) fields += "Date: " + message::format_date(now) + "\r\n";
  if (!has_field(*authored, "Message-ID"))
    fields +=
        "Message-ID: " +
        (message_id.empty() ? message::new_message_id(call.services.random, now, call.services.hostname) : message_id) +
        "\r\n";
  return with_fields(std::move(fields), std::move(*authored));
}

Result<MessageId> file_draft(const Call& call, store::Transaction& t, const Prepared& prepared, BodyId body) {
  auto& boxes = call.services.mailboxes;
  auto placing = placing_of(boxes, t, call.account(), {"DRAFT"});
  if (!placing) return placing.error();
  if (const auto put = boxes.put_body(t, body, prepared); !put) return put.error();
  mailbox::Filing filing;
  filing.mailboxes = std::move(placing->mailboxes);
  filing.flags = std::move(placing->flags);
  const auto filed = boxes.file(t, call.account(), prepared, body, filing);
  if (!filed) return filed.error();
  return filed->message;
}

struct Current {
  MessageId draft = 0;
  Message message;
};
Result<Current> current_draft(const Call& call, const store::Reader& r, const std::string& draft) {
  const auto id = parse_draft(draft);
  if (!id) return missing();
  auto m = draft_message(call.services.mailboxes, r, call.account(), *id);
  if (!m) return m.error();
  if (!*m) return missing();
  return Current{*id, std::move(**m)};
}

}  // namespace

Result<void> remove_draft(const Call& call, store::Transaction& t, MessageId draft) {
  const auto m = draft_message(call.services.mailboxes, t, call.account(), draft);
  if (!m) return m.error();
  if (!*m) return missing();
  forget_draft(t, call.account(), draft, (*m)->id);
  return remove_message(call.services.mailboxes, t, call.account(), (*m)->id);
}

size_t raw_limit(const Services& services) { return services.max_message_size / 3 * 4 + kMaxCallBody; }

Result<Letter> letter_of(const value& message, std::optional<std::string> upload) {
  Letter out;
  if (!upload) {
    const auto* raw = api::string_member(message, "raw");
    if (!raw)
      return Error{Code::kInvalid,
                   "'raw' RFC822 payload message string or uploading message via /upload/* URL required"};
    upload = parse_octets(*raw);
    if (!upload) return Error{Code::kInvalid, "Invalid value at 'raw': it is to be base64url"};
  }
  if (upload->empty()) return Error{Code::kInvalid, "The message is empty"};
  out.bytes = with_line_ends(std::move(*upload));
  if (const auto* thread = api::string_member(message, "threadId")) out.thread = std::string(*thread);
  if (const auto* labels = api::array_member(message, "labelIds")) {
    if (labels->size() > kMaxLabelsChanged) return Error{Code::kInvalid, "labelIds: at most 100"};
    for (const value& label : *labels) {
      if (!label.is_string()) return Error{Code::kInvalid, "labelIds is to be a list of strings"};
      out.labels.emplace_back(label.get_string());
    }
  }
  return out;
}

Result<Letter> letter_of_draft(const value& draft, std::optional<std::string> upload) {
  const value* message = api::member(draft, "message");
  return letter_of(message ? *message : value(nullptr), std::move(upload));
}

Task<Result<value>> send_letter(CallPtr call, Letter letter) {
  Task<Result<value>> sending = send(call, std::move(letter.bytes), std::move(letter.thread), nullptr);
  co_return co_await sending;
}

Task<Result<value>> insert_letter(CallPtr call, Letter letter, DateSource source) {
  const Result<bool> deleted = call->flag("deleted");
  if (!deleted) co_return deleted.error();
  if (*deleted) co_return Error{Code::kInvalid, "deleted: there is no vault that would keep the message"};
  if (const std::string* asked = call->query("internalDateSource")) {
    if (*asked != "receivedTime" && *asked != "dateHeader")
      co_return Error{Code::kInvalid, "internalDateSource is receivedTime or dateHeader"};
    source = *asked == "dateHeader" ? DateSource::kHeader : DateSource::kReceived;
  }
  if (const auto known = check_thread(*call, call->services.store, letter.thread); !known) co_return known.error();
  Task<Result<PreparedPtr>> preparing = prepared_of(call, std::move(letter.bytes));
  const Result<PreparedPtr> prepared = co_await preparing;
  if (!prepared) co_return prepared.error();
  const BodyId body = call->services.mailboxes.new_body_id();
  const auto id = std::make_shared<MessageId>(0);
  const store::Work work = [call, id, body, prepared = *prepared, source,
                            labels = std::move(letter.labels)](store::Transaction& t) -> Result<void> {
    auto& boxes = call->services.mailboxes;
    auto placing = placing_of(boxes, t, call->account(), labels);
    if (!placing) return placing.error();
    if (const auto put = boxes.put_body(t, body, *prepared); !put) return put;
    mailbox::Filing filing;
    filing.mailboxes = std::move(placing->mailboxes);
    filing.flags = std::move(placing->flags);
    if (source == DateSource::kHeader) filing.received = date_of(*prepared);
    const auto filed = boxes.file(t, call->account(), *prepared, body, filing);
    if (!filed) return filed.error();
    *id = filed->message;
    return {};
  };
  Task<Result<void>> committing = commit(call, work);
  const Result<void> done = co_await committing;
  if (!done) co_return done.error();
  co_return brief(*call, call->services.store, *id);
}

Task<Result<value>> save_draft(CallPtr call, std::string draft, Letter letter) {
  std::string message_id;
  MessageId known = 0;
  if (!draft.empty()) {
    const auto current = current_draft(*call, call->services.store, draft);
    if (!current) co_return current.error();
    known = current->draft;
    const auto details = call->services.mailboxes.details(call->services.store, call->account(), current->message.id);
    if (!details) co_return details.error();
    if (*details) message_id = (*details)->structure.summary.message_id;
  }
  if (const auto joined = check_thread(*call, call->services.store, letter.thread); !joined) co_return joined.error();
  auto completed = completed_draft(*call, std::move(letter.bytes), message_id);
  if (!completed) co_return completed.error();
  Task<Result<PreparedPtr>> preparing = prepared_of(call, std::move(*completed));
  const Result<PreparedPtr> prepared = co_await preparing;
  if (!prepared) co_return prepared.error();
  const BodyId body = call->services.mailboxes.new_body_id();
  const auto id = std::make_shared<MessageId>(0);
  const store::Work work = [call, id, known, body, prepared = *prepared](store::Transaction& t) -> Result<void> {
    const auto filed = file_draft(*call, t, *prepared, body);
    if (!filed) return filed.error();
    *id = *filed;
    if (known == 0) return {};
    const auto before = draft_message(call->services.mailboxes, t, call->account(), known);
    if (!before) return before.error();
    if (!*before) return missing();
    replace_draft(t, call->account(), known, (*before)->id, *filed);
    return remove_message(call->services.mailboxes, t, call->account(), (*before)->id);
  };
  Task<Result<void>> committing = commit(call, work);
  const Result<void> done = co_await committing;
  if (!done) co_return done.error();
  auto message = brief(*call, call->services.store, *id);
  if (!message) co_return message.error();
  object out;
  out["id"] = draft_text(known != 0 ? known : *id);
  out["message"] = std::move(*message);
  co_return value(std::move(out));
}

Task<Result<value>> send_draft(CallPtr call, std::string draft, std::optional<Letter> letter) {
  const auto current = current_draft(*call, call->services.store, draft);
  if (!current) co_return current.error();
  std::string bytes, thread;
  if (letter) {
    bytes = std::move(letter->bytes);
    thread = std::move(letter->thread);
  } else {
    auto body = call->services.mailboxes.body(call->services.store, current->message.body);
    if (!body) co_return body.error();
    bytes = std::move(*body);
  }
  const Beside drop = [call, id = current->draft](store::Transaction& t) { return remove_draft(*call, t, id); };
  Task<Result<value>> sending = send(call, std::move(bytes), std::move(thread), drop);
  co_return co_await sending;
}

}  // namespace pabal::gmail
