#include "jmap/new_email.h"

#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "message/build.h"

namespace pabal::jmap {
namespace {

// mailboxIds, keywords and receivedAt; what is wrong is noted. Nothing: too many of one.
std::optional<Failure> read_placing(Fields& in, NewEmail& out) {
  const auto boxes = in.set("mailboxIds"), keywords = in.set("keywords");
  out.received = in.utc_date("receivedAt");
  if (!boxes || boxes->empty())
    in.note("mailboxIds");
  else
    out.mailboxes = *boxes;
  if (keywords) {
    if (keywords->size() > mailbox::kMaxKeywords)
      return Failure{"tooManyKeywords", "an email has at most " + std::to_string(mailbox::kMaxKeywords) + " keywords"};
    auto flags = flags_of(*keywords);
    if (flags)
      out.flags = std::move(*flags);
    else
      in.note("keywords");
  }
  if (out.mailboxes.size() > mailbox::kMaxMailboxes)
    return Failure{"tooManyMailboxes",
                   "an email is in at most " + std::to_string(mailbox::kMaxMailboxes) + " mailboxes"};
  return {};
}

void only(const json::object& given, const std::set<std::string>& names, Fields& in) {
  for (const auto& [name, value] : given)
    if (!names.contains(std::string(name))) in.note(name);
}

std::optional<Failure> prepare(NewEmail& out, std::string octets) {
  out.prepared = mailbox::prepare(std::move(octets));
  if (out.prepared->structure.has_nul) return Failure{"invalidEmail", "the message has octets that mail cannot carry"};
  return {};
}

// Lines that end in LF alone, or in CR alone, are no lines of a message (RFC 5322 §2.3).
std::string mended(std::string octets) {
  const auto bare = [&] {
    for (size_t i = octets.find('\n'); i != octets.npos; i = octets.find('\n', i + 1))
      if (i == 0 || octets[i - 1] != '\r') return true;
    return false;
  };
  return bare() ? message::with_crlf(octets) : octets;
}

std::optional<Time> received_in(std::string_view octets) {
  for (const message::HeaderField& field : message::header_fields(octets)) {
    if (!text::iequals(field.name, "Received")) continue;
    const std::string value = message::unfold(field.raw_value);
    const size_t semicolon = value.rfind(';');
    if (semicolon == value.npos) return {};
    return message::parse_date(std::string_view(value).substr(semicolon + 1));
  }
  return {};
}

}  // namespace

Or<NewEmail> read_new_email(Call& call, const json::object& given) {
  NewEmail out;
  Fields in(given);
  if (const auto bad = read_placing(in, out)) return *bad;
  if (const auto bad = in.bad_properties()) return *bad;
  auto octets = compose_email(call, given);
  if (!octets) return octets.failure();
  if (const auto bad = prepare(out, std::move(*octets))) return *bad;
  return out;
}

Or<NewEmail> read_import(Call& call, const json::object& given) {
  NewEmail out;
  Fields in(given);
  only(given, {"blobId", "mailboxIds", "keywords", "receivedAt"}, in);
  const auto id = in.string("blobId");
  if (!id) in.note("blobId");
  if (const auto bad = read_placing(in, out)) return *bad;
  if (const auto bad = in.bad_properties()) return *bad;
  auto blob = read_blob(call.services(), call.reader(), call.account(), call.id_of(*id));
  if (!blob) return failure_of(blob.error());
  if (!*blob) return invalid_properties({"blobId"}, "there is no such blob");
  if ((*blob)->octets.size() > call.services().max_message_size) {
    Failure too_large{"tooLarge", "the message is larger than the server takes"};
    too_large.more["maxSize"] = call.services().max_message_size;
    return too_large;
  }
  std::string octets = mended(std::move((*blob)->octets));
  if (message::header_fields(octets).empty())
    return Failure{"invalidEmail", "the blob is no message: it has no header"};
  if (!out.received) out.received = received_in(octets);
  if (const auto bad = prepare(out, std::move(octets))) return *bad;
  return out;
}

Or<NewEmail> read_copy(Call& call, const Account& from, const json::object& given) {
  NewEmail out;
  Fields in(given);
  only(given, {"id", "mailboxIds", "keywords", "receivedAt"}, in);
  const auto id = in.string("id");
  if (!id) in.note("id");
  if (const auto bad = read_placing(in, out)) return *bad;
  if (const auto bad = in.bad_properties()) return *bad;
  const mailbox::Mailboxes& boxes = call.services().mailboxes;
  const store::Reader& r = call.reader();
  const auto number = message_of(call.id_of(*id));
  const auto m = number ? boxes.message(r, from.id, *number) : std::optional<mailbox::Message>();
  if (!m) return failure_of(m.error());
  if (!*m || !is_visible(**m, from)) return Failure{"notFound", "there is no such email in that account"};
  const auto details = boxes.details(r, from.id, *number);
  if (!details) return failure_of(details.error());
  if (!*details) return Failure{"serverFail", "the email is damaged"};
  auto body = boxes.body(r, (*m)->body);
  if (!body) return failure_of(body.error());
  if (!in.has("keywords")) out.flags = (*m)->flags;
  if (!out.received) out.received = (*m)->received;
  out.source = {from.id, *number, (*m)->body, (*details)->prefix, (*details)->results};
  if (const auto bad = prepare(out, std::move(*body))) return *bad;
  return out;
}

}  // namespace pabal::jmap
