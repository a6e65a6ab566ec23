// The octets of an Email that a client describes (RFC 8621 §4.6).
#include <algorithm>

#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/jmap.h"
#include "jmap/new_email.h"
#include "jmap/new_header.h"
#include "message/build.h"
#include "message/compose.h"

namespace pabal::jmap {
namespace {

using message::Outline;

// What stands in an Email besides header fields and body; read_new_email() reads it.
const std::set<std::string> kElsewhere = {"mailboxIds", "keywords", "receivedAt"};
const std::set<std::string> kBody = {"bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"};

bool is_token(std::string_view s) {
  return !s.empty() && s.size() <= 100 && std::all_of(s.begin(), s.end(), [](char c) {
    return text::is_alnum(c) || std::string_view("-_.+!#$&").find(c) != std::string_view::npos;
  });
}

bool is_graphic(std::string_view s) {
  return !s.empty() && s.size() <= 900 &&
         std::all_of(s.begin(), s.end(), [](char c) { return c > ' ' && c < 0x7F && c != '<' && c != '>'; });
}

Outline multipart(std::string type, std::vector<Outline> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Outline out;
  out.type = std::move(type);
  out.parts = std::move(parts);
  return out;
}

class Composer {
 public:
  Composer(Call& call, const json::object& email) : call_(call), email_(email) {}

  Or<std::string> octets() {
    Fields in(email_);
    NewHeader header;
    for (const auto& [key, value] : email_) {
      const std::string name(key);
      if (header.take(name, value, in) || kElsewhere.contains(name) || kBody.contains(name)) continue;
      in.note(name);
    }
    for (const std::string& name : header.names())
      if (name.starts_with("content-")) in.note("header:" + name);
    if (const json::object* values = in.object("bodyValues")) read_values(*values);
    bad_.insert(bad_.end(), in.bad().begin(), in.bad().end());
    Outline root = body();
    for (const std::string& name : root_names_)
      if (header.has(name)) bad_.push_back("bodyStructure/header:" + name);
    if (!bad_.empty()) return invalid_properties(std::move(bad_));
    if (!missing_.empty()) {
      json::array ids;
      for (const std::string& id : missing_) ids.emplace_back(id);
      return Failure{"blobNotFound", "a blob of the message is not there", {{"notFound", std::move(ids)}}};
    }
    if (failed_) return *failed_;

    const Services& services = call_.services();
    std::string lines = header.has("date") ? "" : "Date: " + message::format_date(services.clock.now()) + "\r\n";
    lines += header.lines;
    if (!header.has("message-id"))
      lines += "Message-ID: " + message::new_message_id(services.random, services.clock.now(), own_domain()) + "\r\n";
    if (!header.has("mime-version")) lines += "MIME-Version: 1.0\r\n";
    root.header.insert(0, lines);
    auto made = message::compose(root, services.random);
    if (!made) return invalid_properties({"bodyStructure"}, made.error().message);
    if (made->size() > services.max_message_size) return too_large();
    return std::move(*made);
  }

 private:
  Failure too_large() const {
    Failure out{"tooLarge", "the message is larger than the server takes"};
    out.more["maxSize"] = call_.services().max_message_size;
    return out;
  }
  std::string own_domain() const {
    const std::string& name = call_.caller().account.name;
    const std::string domain = message::ascii_domain(name.substr(name.rfind('@') + 1));
    return domain.empty() ? call_.services().hostname : domain;
  }

  void read_values(const json::object& values) {
    for (const auto& [key, value] : values) {
      const std::string at = "bodyValues/" + std::string(key);
      const json::object* object = value.if_object();
      if (!object) {
        bad_.push_back(at);
        continue;
      }
      Fields in(*object);
      const auto text = in.string("value");
      const bool flawed = in.boolean("isEncodingProblem", false) || in.boolean("isTruncated", false);
      for (const auto& [name, ignored] : *object)
        if (name != "value" && name != "isEncodingProblem" && name != "isTruncated") in.note(name);
      if (!text || flawed || !in.bad().empty())
        bad_.push_back(at);
      else
        values_[std::string(key)] = *text;
    }
  }

  Outline body() {
    if (email_.contains("bodyStructure")) {
      for (const char* other : {"textBody", "htmlBody", "attachments"})
        if (email_.contains(other)) bad_.emplace_back(other);
      const json::object* root = email_.at("bodyStructure").if_object();
      if (root) return part(*root, "bodyStructure", 0);
      bad_.emplace_back("bodyStructure");
      return {};
    }
    std::optional<Outline> plain = single("textBody", "text/plain"), html = single("htmlBody", "text/html");
    std::vector<Outline> related, attached;
    Fields in(email_);
    if (const json::array* list = in.array("attachments"))
      for (size_t i = 0; i < list->size(); ++i) {
        const std::string at = "attachments/" + std::to_string(i);
        const json::object* object = (*list)[i].if_object();
        if (!object || object->contains("subParts")) {
          bad_.push_back(at);
          continue;
        }
        // Without a disposition it would be shown as a part of the text.
        json::object given = *object;
        const json::value* disposition = given.if_contains("disposition");
        const json::value* cid = given.if_contains("cid");
        const bool shown = cid && !cid->is_null() && html;
        if (!disposition || disposition->is_null()) given["disposition"] = shown ? "inline" : "attachment";
        (shown ? related : attached).push_back(part(given, at, 1));
      }
    bad_.insert(bad_.end(), in.bad().begin(), in.bad().end());
    std::vector<Outline> alternatives;
    if (plain) alternatives.push_back(std::move(*plain));
    if (html) {
      related.insert(related.begin(), std::move(*html));
      alternatives.push_back(multipart("multipart/related", std::move(related)));
    }
    if (!alternatives.empty())
      attached.insert(attached.begin(), multipart("multipart/alternative", std::move(alternatives)));
    if (attached.empty()) attached.emplace_back();  // an empty text
    return multipart("multipart/mixed", std::move(attached));
  }

  // textBody and htmlBody: exactly one part of one type.
  std::optional<Outline> single(const char* name, std::string_view type) {
    const json::value* given = email_.if_contains(name);
    if (!given || given->is_null()) return {};
    const json::array* list = given->if_array();
    const json::object* object = list && list->size() == 1 ? list->front().if_object() : nullptr;
    if (!object) {
      bad_.emplace_back(name);
      return {};
    }
    json::object with_type = *object;
    if (!with_type.contains("type")) with_type["type"] = type;
    Outline out = part(with_type, name, 1);
    if (out.type != type) bad_.push_back(std::string(name) + "/type");
    return out;
  }

  Outline part(const json::object& given, const std::string& at, size_t depth) {
    Outline out;
    if (++parts_ > message::kMaxParts || depth > message::kMaxDepth) {
      if (parts_ == message::kMaxParts + 1 || depth > message::kMaxDepth) bad_.push_back(at);
      return out;
    }
    Fields in(given);
    NewHeader header;
    const auto part_id = in.string("partId"), blob = in.string("blobId"), name = in.string("name"),
               type = in.string("type"), charset = in.string("charset"), disposition = in.string("disposition"),
               cid = in.string("cid"), location = in.string("location");
    const auto languages = in.strings("language");
    const json::array* below = in.array("subParts");
    in.number("size");
    std::optional<message::ParameterizedValue> written_type;
    for (const auto& [key, value] : given) {
      const std::string property(key);
      if (property == "header:Content-Type" || property == "header:Content-Type:asText") {
        if (value.is_null()) continue;
        if (const json::string* text = value.if_string()) written_type = message::parse_parameterized(*text);
        if (!written_type || type || charset) in.note(property);
        continue;
      }
      if (header.take(property, value, in) && property.starts_with("header:")) continue;
      if (!kPart.contains(property)) in.note(property);
    }
    for (const char* ours : {"content-type", "content-transfer-encoding"})
      if (header.has(ours)) in.note("header:" + std::string(ours));

    if (disposition) {
      header.claim("content-disposition", "disposition", in);
      if (!is_token(*disposition)) in.note("disposition");
      header.lines += "Content-Disposition: " + text::lowered(*disposition) +
                      (name ? message::parameter("filename", *name) : "") + "\r\n";
    }
    if (cid) {
      header.claim("content-id", "cid", in);
      if (!is_graphic(*cid)) in.note("cid");
      header.lines += "Content-ID: <" + *cid + ">\r\n";
    }
    if (languages && !languages->empty()) {
      header.claim("content-language", "language", in);
      if (languages->size() > message::kMaxLanguages || !std::all_of(languages->begin(), languages->end(), is_token))
        in.note("language");
      header.lines += "Content-Language: " + text::join(*languages, ",\r\n ") + "\r\n";
    }
    if (location) {
      header.claim("content-location", "location", in);
      if (!is_graphic(*location)) in.note("location");
      header.lines += "Content-Location: " + *location + "\r\n";
    }
    out.header = std::move(header.lines);

    if (type) out.type = text::lowered(*type);
    if (written_type) out.type = written_type->value, out.params = written_type->params;
    const bool typed = type || written_type;
    if (below) {
      if (!typed) out.type = "multipart/mixed";
      if (part_id || blob) in.note(part_id ? "partId" : "blobId");
      if (below->empty()) in.note("subParts");
      for (size_t i = 0; i < below->size(); ++i) {
        const std::string there = at + "/subParts/" + std::to_string(i);
        if (const json::object* one = (*below)[i].if_object())
          out.parts.push_back(part(*one, there, depth + 1));
        else
          bad_.push_back(there);
      }
    } else if (part_id) {
      const auto value = values_.find(*part_id);
      if (value == values_.end()) in.note("partId");
      if (blob) in.note("blobId");
      if (charset) in.note("charset");
      if (in.value("size")) in.note("size");
      if (value != values_.end()) out.content = message::with_crlf(value->second);
      std::erase_if(out.params, [](const auto& one) { return one.first == "charset"; });
      if (out.type.starts_with("text/")) out.params.emplace_back("charset", "utf-8");
    } else if (blob) {
      read_content(out, *blob, typed);
      if (charset) {
        std::erase_if(out.params, [](const auto& one) { return one.first == "charset"; });
        out.params.emplace_back("charset", *charset);
        if (!is_token(*charset)) in.note("charset");
      }
    } else
      in.note("partId");
    if (name) out.params.emplace_back("name", *name);
    if (!message::is_media_type(out.type) || out.type.starts_with("multipart/") != (below != nullptr)) in.note("type");
    if (depth == 0) root_names_ = header.names();
    for (const std::string& one : in.bad()) bad_.push_back(at + "/" + one);
    return out;
  }

  void read_content(Outline& out, const std::string& given, bool typed) {
    const std::string id = call_.id_of(given);
    if (failed_) return;
    auto blob = read_blob(call_.services(), call_.reader(), call_.account(), id);
    if (!blob) {
      failed_ = failure_of(blob.error());
      return;
    }
    if (!*blob) {
      missing_.insert(given);
      return;
    }
    octets_ += (*blob)->octets.size();
    if (octets_ > call_.services().max_message_size) {
      failed_ = too_large();
      return;
    }
    out.content = std::move((*blob)->octets);
    if (typed) return;
    message::ParameterizedValue known = message::parse_parameterized((*blob)->type);
    if (!message::is_media_type(known.value) || known.value.starts_with("multipart/"))
      known = {"application/octet-stream", {}};
    out.type = std::move(known.value);
    out.params = std::move(known.params);
  }

  static inline const std::set<std::string> kPart = {
      "partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location", "subParts"};
  Call& call_;
  const json::object& email_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> bad_;
  std::set<std::string> missing_, root_names_;
  std::optional<Failure> failed_;
  size_t parts_ = 0, octets_ = 0;
};

}  // namespace

Or<std::string> compose_email(Call& call, const json::object& email) { return Composer(call, email).octets(); }

}  // namespace pabal::jmap
