#include "gmail/resource.h"

#include <algorithm>

#include "api/html.h"
#include "base/text.h"
#include "gmail/ids.h"
#include "message/message.h"
#include "message/words.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using mailbox::Details;
using mailbox::Message;
using message::Part;

namespace {

constexpr std::string_view kAttachment = "part-";  // and the path of the part

std::string decimal(auto n) { return std::to_string(n); }

// The fields of a header block: all, or those named.
void add_headers(array& out, std::string_view block, const std::vector<std::string>& names) {
  for (const message::HeaderField& field : message::header_fields(block)) {
    const auto is_named = [&](const std::string& name) { return text::iequals(name, field.name); };
    if (!names.empty() && std::none_of(names.begin(), names.end(), is_named)) continue;
    object one;
    one["name"] = message::clean_utf8(field.name);
    one["value"] = message::decode_words(field.raw_value);
    out.push_back(std::move(one));
  }
}

// Text without a file name is shown in the message, all else is fetched by itself.
bool is_shown(const Part& part) { return part.is_text() && part.filename().empty(); }

std::string decoded(std::string_view bytes, const Part& part) {
  return message::decode_body(part.body(bytes), part.encoding);
}

// How many octets the part has decoded. Of base64 with proper lines it is counted, so that an attachment is not decoded
// to be listed.
size_t decoded_size(std::string_view bytes, const Part& part, bool proper_lines) {
  const std::string_view body = part.body(bytes);
  if (part.encoding != "base64" || !proper_lines || part.body_lines == 0) return decoded(bytes, part).size();
  const size_t ends = 2 * (size_t{part.body_lines} - (body.ends_with("\r\n") ? 0 : 1));
  const std::string_view data = text::trim(body);
  if (ends > body.size() || (body.size() - ends) % 4 != 0) return decoded(bytes, part).size();
  const size_t padding = data.ends_with("==") ? 2 : data.ends_with("=") ? 1 : 0;
  return (body.size() - ends) / 4 * 3 - padding;
}

class Tree {
 public:
  Tree(std::string_view bytes, const message::Message& message) : bytes_(bytes), message_(message) {}

  // `path` is of the part; `headers` of the whole message stand before the body's own.
  object part(const Part& part, const std::string& path, array headers = {}) const {
    object out;
    out["partId"] = path;
    out["mimeType"] = message::clean_utf8(part.type + "/" + part.subtype);
    out["filename"] = message::clean_utf8(part.filename());
    add_headers(headers, part.header(bytes_), {});
    out["headers"] = std::move(headers);
    out["body"] = body(part, path);
    if (part.children.empty()) return out;
    // An embedded message is a part of its own, below the one that holds it.
    array parts;
    size_t n = 0;
    for (const Part& child : part.children)
      parts.push_back(this->part(child, (path.empty() ? "" : path + ".") + std::to_string(n++)));
    out["parts"] = std::move(parts);
    return out;
  }

 private:
  object body(const Part& part, const std::string& path) const {
    object out;
    if (part.is_multipart()) {
      out["size"] = 0;
    } else if (is_shown(part)) {
      const std::string text = message::to_utf8(decoded(bytes_, part), part.charset());
      out["size"] = text.size();
      out["data"] = octets_text(text);
    } else {
      out["attachmentId"] = std::string(kAttachment) + path;
      out["size"] = decoded_size(bytes_, part, !message_.bare_lf);
    }
    return out;
  }

  const std::string_view bytes_;
  const message::Message& message_;
};

// The header with the prefix, and in rare cases the body behind it.
Result<std::string> header_of(const View& view, const Message& m) {
  std::optional<mailbox::Mailboxes::Beginning> beginning;
  const auto read = view.boxes.each_beginning(view.r, view.account, {&m}, [&](mailbox::MessageId, auto&& found) {
    if (found) beginning = std::move(found);
  });
  if (!read) return read.error();
  if (beginning) {
    beginning->octets.resize(beginning->header);
    return std::move(beginning->octets);
  }
  return view.boxes.content(view.r, view.account, m.id);
}

array labels_of(const Labels& labels, const Message& m) {
  array out;
  for (const std::string& label : labels.on(m)) out.push_back(value(label));
  return out;
}

// Follows "0.1" down; null: there is no such part.
const Part* part_at(const Part& root, std::string_view path) {
  const Part* part = &root;
  if (path.empty()) return part;
  for (const std::string_view step : text::split(path, '.')) {
    const auto n = text::parse_u64(step);
    if (!n || *n >= part->children.size()) return nullptr;
    part = &part->children[*n];
  }
  return part;
}

}  // namespace

std::string snippet_of(std::string_view preview) { return api::html_escaped(message::clean_utf8(preview)); }

object brief_of(const Labels& labels, const Message& m) {
  object out;
  out["id"] = id_text(m.id);
  out["threadId"] = id_text(m.thread);
  if (array on = labels_of(labels, m); !on.empty()) out["labelIds"] = std::move(on);
  return out;
}

Result<value> message_resource(const View& view, const Message& m, Format format,
                               const std::vector<std::string>& header_names) {
  const auto details = view.boxes.details(view.r, view.account, m.id);
  if (!details) return details.error();
  if (!*details) return Error{Code::kNotFound, "Requested entity was not found."};
  object out = brief_of(view.labels, m);
  out["snippet"] = snippet_of((*details)->preview);
  out["historyId"] = decimal(m.modseq);
  out["internalDate"] = decimal(to_micros(m.received) / 1000);
  out["sizeEstimate"] = m.size;
  if (format == Format::kRaw) {
    auto content = view.boxes.content(view.r, view.account, m.id);
    if (!content) return content.error();
    out["raw"] = octets_text(*content);
  } else if (format == Format::kMetadata) {
    const auto header = header_of(view, m);
    if (!header) return header.error();
    array headers;
    add_headers(headers, *header, header_names);
    object payload;
    const Part& root = (*details)->structure.root;
    payload["mimeType"] = message::clean_utf8(root.type + "/" + root.subtype);
    payload["headers"] = std::move(headers);
    out["payload"] = std::move(payload);
  } else if (format == Format::kFull) {
    const auto bytes = view.boxes.body(view.r, m.body);
    if (!bytes) return bytes.error();
    array headers;
    add_headers(headers, (*details)->prefix, {});
    const message::Message& structure = (*details)->structure;
    out["payload"] = Tree(*bytes, structure).part(structure.root, "", std::move(headers));
  }
  return value(std::move(out));
}

Result<value> attachment_resource(const View& view, mailbox::MessageId id, std::string_view attachment) {
  const Error missing{Code::kNotFound, "Requested entity was not found."};
  const auto m = view.boxes.message(view.r, view.account, id);
  if (!m) return m.error();
  if (!*m || (*m)->places.empty() || !attachment.starts_with(kAttachment)) return missing;
  const auto details = view.boxes.details(view.r, view.account, id);
  if (!details) return details.error();
  const Part* part = *details ? part_at((*details)->structure.root, attachment.substr(kAttachment.size())) : nullptr;
  if (!part || part->is_multipart()) return missing;
  const auto bytes = view.boxes.body(view.r, (*m)->body);
  if (!bytes) return bytes.error();
  const std::string content = decoded(*bytes, *part);
  object out;
  out["size"] = content.size();
  out["data"] = octets_text(content);
  return value(std::move(out));
}

}  // namespace pabal::gmail
