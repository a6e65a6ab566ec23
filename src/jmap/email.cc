#include "jmap/email.h"

#include <algorithm>

#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/ids.h"

namespace pabal::jmap {
namespace {

using Form = HeaderProperty::Form;
using message::BodyParts;
using message::Part;

const std::set<std::string> kMetadata = {"id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt"};
const std::set<std::string> kHeaders = {"messageId", "inReplyTo", "references", "sender",  "from",  "to",
                                        "cc",        "bcc",       "replyTo",    "subject", "sentAt"};
const std::set<std::string> kBody = {"headers",  "bodyStructure", "bodyValues",    "textBody",
                                     "htmlBody", "attachments",   "hasAttachment", "preview"};
const std::set<std::string> kPart = {"partId",  "blobId",      "size", "headers",  "name",     "type",
                                     "charset", "disposition", "cid",  "language", "location", "subParts"};
const std::set<std::string> kUsualPart = {"partId",  "blobId",      "size", "name",     "type",
                                          "charset", "disposition", "cid",  "language", "location"};

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// §4.1.4: each CRLF becomes LF.
void with_lf(std::string& text) {
  size_t to = 0;
  for (size_t at = 0; at < text.size(); ++at)
    if (text[at] != '\r' || at + 1 == text.size() || text[at + 1] != '\n') text[to++] = text[at];
  text.resize(to);
}

// §4.2: HTML is not cut inside a tag.
void leave_tag(std::string& html) {
  const size_t open = html.rfind('<');
  if (open != html.npos && html.find('>', open) == html.npos) html.resize(open);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(message::clean_utf8(text));
}

json::array headers_value(const std::vector<message::HeaderField>& fields) {
  json::array out;
  for (const message::HeaderField& field : fields) {
    json::object one;
    one["name"] = message::clean_utf8(field.name);
    one["value"] = header_value(field.raw_value, Form::kRaw);
    out.emplace_back(std::move(one));
  }
  return out;
}

json::value header_property_value(const std::vector<message::HeaderField>& fields, const HeaderProperty& wanted) {
  json::array all;
  for (const message::HeaderField& field : fields)
    if (text::iequals(field.name, wanted.name)) all.push_back(header_value(field.raw_value, wanted.form));
  if (wanted.all) return all;
  return all.empty() ? json::value(nullptr) : all.back();  // §4.1.3: the last of several
}

class Bodies {
 public:
  Bodies(const Shown& shown, const EmailArguments& asked) : shown_(shown), asked_(asked) {}

  json::object part(const Part& p, size_t number, bool with_children) const {
    json::object out;
    const auto wants = [&](const char* name) { return asked_.body_properties.contains(name); };
    const bool leaf = !p.is_multipart();
    if (wants("partId")) out["partId"] = leaf ? json::value(std::to_string(number)) : json::value(nullptr);
    if (wants("blobId")) out["blobId"] = leaf ? json::value(part_id(shown_.blob, number)) : json::value(nullptr);
    if (wants("size")) out["size"] = leaf ? size_of(p) : p.body_size;
    if (wants("name")) out["name"] = text_or_null(p.filename());
    if (wants("type")) out["type"] = message::clean_utf8(p.type + "/" + p.subtype);
    if (wants("charset")) out["charset"] = charset(p);
    if (wants("disposition")) out["disposition"] = text_or_null(p.disposition);
    if (wants("cid")) {
      std::string_view id = p.id;
      if (id.starts_with('<') && id.ends_with('>')) id = id.substr(1, id.size() - 2);
      out["cid"] = text_or_null(std::string(id));
    }
    if (wants("language")) {
      json::array list;
      for (const std::string& one : p.languages) list.emplace_back(message::clean_utf8(one));
      out["language"] = list.empty() ? json::value(nullptr) : json::value(std::move(list));
    }
    if (wants("location")) out["location"] = text_or_null(p.location);
    std::vector<message::HeaderField> fields;
    if (needs_header()) fields = message::header_fields(p.header(shown_.bytes));
    if (wants("headers")) out["headers"] = headers_value(fields);
    for (const std::string& name : asked_.body_properties)
      if (const auto header = header_property(name)) out[name] = header_property_value(fields, *header);
    if (with_children && !leaf) {
      json::array children;
      size_t next = number + 1;
      for (const Part& child : p.children) {
        children.emplace_back(part(child, next, true));
        next += message::part_count(child);
      }
      out["subParts"] = std::move(children);
    } else if (with_children || wants("subParts"))
      out["subParts"] = nullptr;
    return out;
  }

  json::array list(const std::vector<std::pair<const Part*, size_t>>& parts) const {
    json::array out;
    for (const auto& [p, number] : parts) out.emplace_back(part(*p, number, false));
    return out;
  }

  json::object values(const BodyParts& parts) const {
    std::set<std::pair<size_t, const Part*>> wanted;
    const auto add = [&](const auto& list) {
      for (const auto& [p, number] : list)
        if (p->is_text()) wanted.emplace(number, p);
    };
    if (asked_.text_values || asked_.all_values) add(parts.text);
    if (asked_.html_values || asked_.all_values) add(parts.html);
    if (asked_.all_values) all_texts(shown_.structure->root, 0, wanted);
    json::object out;
    for (const auto& [number, p] : wanted) out[std::to_string(number)] = value(*p);
    return out;
  }

 private:
  bool needs_header() const {
    return std::any_of(asked_.body_properties.begin(), asked_.body_properties.end(),
                       [](const std::string& name) { return name == "headers" || name.starts_with("header:"); });
  }
  uint64_t size_of(const Part& p) const {
    const bool coded = p.encoding != "7bit" && p.encoding != "8bit" && p.encoding != "binary";
    return coded ? message::decode_body(p.body(shown_.bytes), p.encoding).size() : p.body_size;
  }
  static json::value charset(const Part& p) {
    const std::string named = p.charset();
    if (!named.empty()) return json::value(message::clean_utf8(named));
    return p.is_text() ? json::value("us-ascii") : json::value(nullptr);
  }
  static void all_texts(const Part& p, size_t number, std::set<std::pair<size_t, const Part*>>& out) {
    if (p.is_text()) out.emplace(number, &p);
    if (!p.is_multipart()) return;
    size_t next = number + 1;
    for (const Part& child : p.children) {
      all_texts(child, next, out);
      next += message::part_count(child);
    }
  }
  json::object value(const Part& p) const {
    const std::string octets = message::decode_body(p.body(shown_.bytes), p.encoding);
    const std::string named = p.charset();
    const bool known = named.empty() || message::knows_charset(named);
    std::string text = message::to_utf8(octets, named);
    // What could not be decoded, unless the author wrote it so.
    const bool broken = text.find(kReplacement) != text.npos && octets.find(kReplacement) == octets.npos;
    with_lf(text);
    bool cut = false;
    if (asked_.max_value > 0 && text.size() > asked_.max_value) {
      text.resize(message::utf8_prefix(text, asked_.max_value).size());
      if (p.subtype == "html") leave_tag(text);
      cut = true;
    }
    const bool coded = p.encoding != "7bit" && p.encoding != "8bit" && p.encoding != "binary" &&
                       p.encoding != "base64" && p.encoding != "quoted-printable";
    json::object out;
    out["value"] = text;
    out["isEncodingProblem"] = !known || coded || broken;
    out["isTruncated"] = cut;
    return out;
  }

  const Shown& shown_;
  const EmailArguments& asked_;
};

}  // namespace

EmailArguments::Needs EmailArguments::needs() const {
  const auto of_header = [](const std::string& name) { return name == "headers" || name.starts_with("header:"); };
  const bool parts = wants("bodyStructure") || wants("textBody") || wants("htmlBody") || wants("attachments");
  if (parts && std::any_of(body_properties.begin(), body_properties.end(),
                           [&](const std::string& name) { return name == "size" || of_header(name); }))
    return Needs::kAll;
  if (wants("bodyValues") && (text_values || html_values || all_values)) return Needs::kAll;
  const bool header = wants("references") || std::any_of(properties.begin(), properties.end(), of_header);
  return header ? Needs::kHeader : Needs::kStructure;
}

Or<EmailArguments> read_email_arguments(Call& call, const std::set<std::string>& usual) {
  Fields in(call.arguments);
  EmailArguments out;
  const auto properties = in.strings("properties"), parts = in.strings("bodyProperties");
  out.text_values = in.boolean("fetchTextBodyValues", false);
  out.html_values = in.boolean("fetchHTMLBodyValues", false);
  out.all_values = in.boolean("fetchAllBodyValues", false);
  out.max_value = in.number("maxBodyValueBytes").value_or(0);
  if (const auto bad = in.bad_arguments()) return *bad;
  out.properties = properties ? std::set<std::string>(properties->begin(), properties->end()) : usual;
  out.body_properties = parts ? std::set<std::string>(parts->begin(), parts->end()) : kUsualPart;
  for (const std::string& name : out.properties)
    if (!kMetadata.contains(name) && !kHeaders.contains(name) && !kBody.contains(name) && !header_property(name))
      return invalid_arguments("there is no property \"" + name + "\"");
  for (const std::string& name : out.body_properties)
    if (!kPart.contains(name) && !header_property(name))
      return invalid_arguments("there is no property \"" + name + "\" of body parts");
  return out;
}

void put_content(json::object& out, const Shown& shown, const EmailArguments& asked) {
  const message::Summary& summary = shown.structure->summary;
  const auto addresses = [&](const char* name, const std::vector<message::AddressItem>& list) {
    if (asked.wants(name)) out[name] = list.empty() ? json::value(nullptr) : addresses_value(list);
  };
  addresses("from", summary.from);
  addresses("sender", summary.sender);
  addresses("replyTo", summary.reply_to);
  addresses("to", summary.to);
  addresses("cc", summary.cc);
  addresses("bcc", summary.bcc);
  if (asked.wants("subject"))
    out["subject"] = summary.subject.empty() ? json::value(nullptr) : header_value(summary.subject, Form::kText);
  if (asked.wants("sentAt")) out["sentAt"] = header_value(summary.date_raw, Form::kDate);
  if (asked.wants("messageId")) out["messageId"] = header_value(summary.message_id, Form::kMessageIds);
  if (asked.wants("inReplyTo")) out["inReplyTo"] = header_value(summary.in_reply_to, Form::kMessageIds);
  if (asked.wants("preview")) out["preview"] = message::clean_utf8(shown.preview);

  std::string head;
  std::vector<message::HeaderField> fields;
  if (asked.needs() != EmailArguments::Needs::kStructure) {
    head = std::string(shown.prefix) + std::string(shown.structure->root.header(shown.bytes));
    fields = message::header_fields(head);
  }
  if (asked.wants("references"))
    out["references"] = header_property_value(fields, {Form::kMessageIds, "References", false});
  if (asked.wants("headers")) out["headers"] = headers_value(fields);
  for (const std::string& name : asked.properties)
    if (const auto header = header_property(name)) out[name] = header_property_value(fields, *header);

  const BodyParts parts = message::body_parts(shown.structure->root);
  if (asked.wants("hasAttachment")) out["hasAttachment"] = message::has_attachment(shown.structure->root);
  const Bodies bodies(shown, asked);
  if (asked.wants("bodyStructure")) out["bodyStructure"] = bodies.part(shown.structure->root, 0, true);
  if (asked.wants("textBody")) out["textBody"] = bodies.list(parts.text);
  if (asked.wants("htmlBody")) out["htmlBody"] = bodies.list(parts.html);
  if (asked.wants("attachments")) out["attachments"] = bodies.list(parts.attachments);
  if (asked.wants("bodyValues")) out["bodyValues"] = bodies.values(parts);
}

void put_metadata(json::object& out, const mailbox::Message& m, const Account& account, const EmailArguments& asked) {
  out["id"] = email_id(m.id);
  if (asked.wants("blobId")) out["blobId"] = blob_id(m.id);
  if (asked.wants("threadId")) out["threadId"] = thread_id(m.thread);
  if (asked.wants("size")) out["size"] = m.size;
  if (asked.wants("receivedAt")) out["receivedAt"] = utc_date(std::chrono::floor<seconds>(m.received));
  if (asked.wants("mailboxIds")) {
    json::object boxes;
    for (const mailbox::Message::Place& place : m.places)
      if (!place.deleted && account.may(place.mailbox, mailbox::kLookup | mailbox::kRead))
        boxes[mailbox_id(place.mailbox)] = true;
    out["mailboxIds"] = std::move(boxes);
  }
  if (asked.wants("keywords")) {
    json::object keywords;
    for (const std::string& one : keywords_of(m.flags)) keywords[one] = true;
    out["keywords"] = std::move(keywords);
  }
}

namespace {
constexpr std::pair<std::string_view, mailbox::Flag> kSystem[] = {{"$answered", mailbox::kAnswered},
                                                                  {"$draft", mailbox::kDraft},
                                                                  {"$flagged", mailbox::kFlagged},
                                                                  {"$seen", mailbox::kSeen}};
}  // namespace

std::vector<std::string> keywords_of(const mailbox::Flags& flags) {
  std::vector<std::string> out;
  for (const auto& [name, flag] : kSystem)
    if (flags.has(flag)) out.emplace_back(name);
  for (const std::string& one : flags.keywords) out.push_back(message::clean_utf8(text::lowered(one)));
  return out;
}

std::optional<mailbox::Flags> flags_of(const std::set<std::string>& keywords) {
  mailbox::Flags out;
  for (const std::string& given : keywords) {
    const std::string one = text::lowered(given);
    // §4.1.1: 1 to 255 of %x21-%x7e but ( ) { ] % * " \.
    const bool good =
        !one.empty() && one.size() <= mailbox::kMaxKeywordOctets && std::all_of(one.begin(), one.end(), [](char c) {
          return c > ' ' && c <= '~' && std::string_view("(){]%*\"\\").find(c) == std::string_view::npos;
        });
    if (!good) return {};
    const auto system =
        std::find_if(std::begin(kSystem), std::end(kSystem), [&](const auto& known) { return known.first == one; });
    if (system != std::end(kSystem))
      out.system |= system->second;
    else if (one != "$deleted" && one != "$recent")
      out.keywords.push_back(one);
    else
      return {};
  }
  return out;
}

bool is_visible(const mailbox::Message& m, const Account& account) {
  return std::any_of(m.places.begin(), m.places.end(), [&](const mailbox::Message::Place& place) {
    return !place.deleted && account.may(place.mailbox, mailbox::kLookup | mailbox::kRead);
  });
}

}  // namespace pabal::jmap
