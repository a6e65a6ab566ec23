#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "message/message.h"

// One pass over the octets for all levels: each line is looked at once, and a line that begins with "--" is compared with the
// boundaries that are open. So 10,000 nested parts cost no more than their octets.
namespace pabal::message {
namespace {

using text::iequals;

uint32_t u32(size_t n) { return static_cast<uint32_t>(n); }

Params cut(Params params) {
  if (params.size() > kMaxParams) params.resize(kMaxParams);
  return params;
}

std::vector<std::string> references_of(std::string_view references, std::string_view in_reply_to) {
  std::vector<std::string> ids = parse_message_ids(references.substr(0, kMaxFieldBytes));
  for (std::string& id : parse_message_ids(in_reply_to.substr(0, kMaxFieldBytes)))
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
  // The root and the newest say most.
  if (ids.size() > kMaxReferences) ids.erase(ids.begin() + 1, ids.end() - static_cast<long>(kMaxReferences - 1));
  return ids;
}

Summary summary_of(const std::vector<HeaderField>& fields) {
  Summary s;
  std::string_view references, in_reply_to;
  for (const HeaderField& f : fields) {
    const std::string_view raw = f.raw_value.substr(0, kMaxFieldBytes);
    const auto list = [&](std::vector<AddressItem>& into) {
      auto items = parse_address_list(raw);
      if (into.empty()) into = std::move(items);
      else if (into.size() + items.size() <= kMaxAddresses) into.insert(into.end(), items.begin(), items.end());
    };
    if (iequals(f.name, "Date") && s.date_raw.empty()) {
      s.date_raw = unfold(raw);
      s.date = parse_date(s.date_raw);
    } else if (iequals(f.name, "Subject") && s.subject.empty()) s.subject = unfold(raw);
    else if (iequals(f.name, "From")) list(s.from);
    else if (iequals(f.name, "Sender")) list(s.sender);
    else if (iequals(f.name, "Reply-To")) list(s.reply_to);
    else if (iequals(f.name, "To")) list(s.to);
    else if (iequals(f.name, "Cc")) list(s.cc);
    else if (iequals(f.name, "Bcc")) list(s.bcc);
    else if (iequals(f.name, "Message-ID") && s.message_id.empty()) {
      const auto ids = parse_message_ids(raw);
      if (!ids.empty()) s.message_id = ids.front();
    } else if (iequals(f.name, "In-Reply-To") && s.in_reply_to.empty()) {
      s.in_reply_to = unfold(raw);
      in_reply_to = raw;
    } else if (iequals(f.name, "References") && references.empty()) references = raw;
  }
  s.references = references_of(references, in_reply_to);
  return s;
}

class Parser {
 public:
  Parser(std::string_view bytes, Message& out) : bytes_(bytes), out_(out) {}

  void run() {
    out_.root = header(0, false, &out_.summary);
    body(out_.root, 1);
  }

 private:
  // Where a line that ends at_'s text stands among the open boundaries.
  struct Found {
    size_t level = SIZE_MAX;  // index in boundaries_; SIZE_MAX: none
    bool closes = false;
    size_t line = 0;          // its first octet
    size_t next = 0;          // behind its line end
  };

  Part header(size_t from, bool in_digest, Summary* summary) {
    Part part;
    const size_t size = header_size(bytes_.substr(from));
    const std::string_view block = bytes_.substr(from, size);
    const auto fields = header_fields(block);
    if (block.size() > kMaxHeaderBytes || fields.size() >= kMaxHeaderFields) out_.truncated = true;
    if (!text::is_ascii(block)) out_.utf8_headers = true;
    part.header_offset = u32(from);
    part.header_size = u32(size);
    part.body_offset = u32(from + size);
    if (in_digest) {  // RFC 2046 §5.1.5
      part.type = "message";
      part.subtype = "rfc822";
    }
    bool typed = false, encoded = false, disposed = false;
    for (const HeaderField& f : fields) {
      if (f.name.size() < 8 || text::lower(f.name[0]) != 'c') continue;
      const std::string_view raw = f.raw_value.substr(0, kMaxFieldBytes);
      if (iequals(f.name, "Content-Type") && !typed) {
        typed = true;
        const ParameterizedValue value = parse_parameterized(raw);
        const size_t slash = value.value.find('/');
        const std::string type(text::trim(std::string_view(value.value).substr(0, slash)));
        const std::string subtype = slash == value.value.npos ? "" : std::string(text::trim(std::string_view(value.value).substr(slash + 1)));
        if (!type.empty() && !subtype.empty()) {  // RFC 2045 §5.2: else text/plain
          part.type = type;
          part.subtype = subtype;
          part.params = cut(value.params);
        }
      } else if (iequals(f.name, "Content-Transfer-Encoding") && !encoded) {
        encoded = true;
        part.encoding = parse_parameterized(raw).value;
        if (part.encoding.empty()) part.encoding = "7bit";
      } else if (iequals(f.name, "Content-Disposition") && !disposed) {
        disposed = true;
        const ParameterizedValue value = parse_parameterized(raw);
        part.disposition = value.value;
        part.disposition_params = cut(value.params);
      } else if (iequals(f.name, "Content-ID")) part.id = unfold(raw);
      else if (iequals(f.name, "Content-Description")) part.description = unfold(raw);
      else if (iequals(f.name, "Content-MD5")) part.md5 = unfold(raw);
      else if (iequals(f.name, "Content-Location")) part.location = unfold(raw);
      else if (iequals(f.name, "Content-Language"))
        for (const std::string_view word : text::split(unfold(raw), ','))
          if (part.languages.size() < kMaxLanguages && !text::trim(word).empty()) part.languages.emplace_back(text::trim(word));
    }
    if (summary) *summary = summary_of(fields);
    at_ = from + size;
    ++parts_;
    return part;
  }

  // Reads the body that begins at at_; leaves at_ behind the boundary line that ended it, which found_ tells of.
  void body(Part& part, size_t depth) {
    const std::string* boundary = part.is_multipart() ? part.param("boundary") : nullptr;
    const bool room = depth < kMaxDepth && parts_ < kMaxParts;
    if (boundary && !boundary->empty() && boundary->size() <= kMaxBoundaryBytes) {
      if (room) return multipart(part, *boundary, depth);
      out_.truncated = true;
    }
    // An embedded message is opened unless its octets are coded (RFC 2046 §5.2.1 forbids that; some do it).
    const bool open = part.encoding != "base64" && part.encoding != "quoted-printable";
    if (part.is_message() && open) {
      if (room) return embedded(part, depth);
      out_.truncated = true;
    }
    const size_t begin = at_;
    found_ = scan();
    finish(part, begin);
  }

  void multipart(Part& part, std::string boundary, size_t depth) {
    while (!boundary.empty() && text::is_wsp(boundary.back())) boundary.pop_back();
    const size_t begin = at_, level = boundaries_.size();
    boundaries_.push_back(std::move(boundary));
    const uint32_t lines_before = lines_;
    found_ = scan();  // the preamble
    while (found_.level == level && !found_.closes) {
      if (parts_ >= kMaxParts) {
        out_.truncated = true;
        found_ = scan();
        continue;
      }
      Part child = header_until_boundary(part.subtype == "digest");
      body(child, depth + 1);
      part.children.push_back(std::move(child));
    }
    boundaries_.pop_back();
    if (found_.level == level) found_ = scan();  // the epilogue
    finish(part, begin);
    part.body_lines = lines_ - lines_before;
  }

  // The header of a part ends at its blank line, or where the next boundary comes before that.
  Part header_until_boundary(bool in_digest) {
    const size_t from = at_;
    const std::string_view rest = bytes_.substr(from);
    const size_t size = header_size(rest);
    // Look for a boundary line inside the header block.
    for (size_t at = 0; at < size;) {
      const size_t lf = rest.find('\n', at);
      const size_t next = lf == rest.npos ? rest.size() : lf + 1;
      if (rest.substr(at).starts_with("--") && level_of(rest.substr(at, next - at)).first != SIZE_MAX) {
        const std::string_view all = bytes_;
        bytes_ = all.substr(0, from + at);
        Part part = header(from, in_digest, nullptr);
        bytes_ = all;
        at_ = from + at;
        count_lines(from, at_);
        return part;
      }
      at = next;
    }
    Part part = header(from, in_digest, nullptr);
    count_lines(from, at_);
    return part;
  }

  void embedded(Part& part, size_t depth) {
    const size_t begin = at_;
    const uint32_t lines_before = lines_;
    auto summary = std::make_shared<Summary>();
    Part child = header_until_boundary(false);
    *summary = summary_of(header_fields(bytes_.substr(child.header_offset, child.header_size)));
    body(child, depth + 1);
    child.summary = std::move(summary);
    part.children.push_back(std::move(child));
    finish(part, begin);
    part.body_lines = lines_ - lines_before;
  }

  void finish(Part& part, size_t begin) {
    size_t end = found_.level == SIZE_MAX ? bytes_.size() : found_.line;
    if (found_.level != SIZE_MAX) {  // the line end before a boundary belongs to it (RFC 2046 §5.1.1)
      if (end > begin && bytes_[end - 1] == '\n') --end;
      if (end > begin && bytes_[end - 1] == '\r') --end;
    }
    part.body_offset = u32(begin);
    part.body_size = u32(end - std::min(end, begin));
    const std::string_view text = bytes_.substr(begin, part.body_size);
    if (part.children.empty())
      part.body_lines = u32(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + (!text.empty() && text.back() != '\n'));
  }

  void count_lines(size_t from, size_t to) { lines_ += u32(static_cast<size_t>(std::count(bytes_.begin() + static_cast<long>(from), bytes_.begin() + static_cast<long>(to), '\n'))); }

  // The open boundary that a line begins with, the innermost that fits; and whether it closes.
  std::pair<size_t, bool> level_of(std::string_view line) const {
    line.remove_prefix(2);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || text::is_wsp(line.back()))) line.remove_suffix(1);
    if (line.size() > kMaxBoundaryBytes + 2) return {SIZE_MAX, false};
    // By length and content: a hundred open levels are compared by size first.
    for (size_t i = boundaries_.size(); i-- > 0;) {
      const std::string& b = boundaries_[i];
      if (line.size() == b.size() && line == b) return {i, false};
      if (line.size() == b.size() + 2 && line.ends_with("--") && line.starts_with(b)) return {i, true};
    }
    return {SIZE_MAX, false};
  }

  // From at_ to the next line that is an open boundary, or to the end.
  Found scan() {
    Found found;
    const size_t from = at_;
    if (boundaries_.empty()) {
      at_ = bytes_.size();
      count_lines(from, at_);
      return found;
    }
    size_t line = at_;
    while (line < bytes_.size()) {
      const void* lf = std::memchr(bytes_.data() + line, '\n', bytes_.size() - line);
      const size_t next = lf ? static_cast<size_t>(static_cast<const char*>(lf) - bytes_.data()) + 1 : bytes_.size();
      ++lines_;
      if (bytes_[line] == '-' && line + 1 < bytes_.size() && bytes_[line + 1] == '-') {
        const auto [level, closes] = level_of(bytes_.substr(line, next - line));
        if (level != SIZE_MAX) {
          at_ = next;
          return {level, closes, line, next};
        }
      }
      line = next;
    }
    at_ = bytes_.size();
    return found;
  }

  std::string_view bytes_;
  Message& out_;
  size_t at_ = 0;
  size_t parts_ = 0;
  uint32_t lines_ = 0;
  std::vector<std::string> boundaries_;
  Found found_;
};

void look_for_oddities(std::string_view bytes, Message& m) {
  m.has_8bit = !text::is_ascii(bytes);
  m.has_nul = std::memchr(bytes.data(), '\0', bytes.size()) != nullptr;
  for (size_t at = 0; at < bytes.size() && !(m.bare_lf && m.bare_cr);) {
    const size_t next = bytes.find_first_of("\r\n", at);
    if (next == bytes.npos) return;
    if (bytes[next] == '\n') m.bare_lf = true;
    else if (next + 1 < bytes.size() && bytes[next + 1] == '\n') {
      at = next + 2;
      continue;
    } else m.bare_cr = true;
    at = next + 1;
  }
}

}  // namespace

Message parse(std::string_view bytes) {
  Message m;
  if (bytes.size() > kMaxMessageBytes) {
    bytes = bytes.substr(0, kMaxMessageBytes);
    m.truncated = true;
  }
  look_for_oddities(bytes, m);
  Parser(bytes, m).run();
  return m;
}

// --- Part -----------------------------------------------------------------------------------------------------------

const std::string* Part::param(std::string_view name) const {
  for (const auto& [key, value] : params)
    if (key == name) return &value;
  return nullptr;
}

std::string Part::charset() const {
  const std::string* value = param("charset");
  return value ? *value : "";
}

std::string Part::filename() const {
  std::string name;
  for (const auto& [key, value] : disposition_params)
    if (key == "filename") name = value;
  if (name.empty())
    if (const std::string* value = param("name")) name = *value;
  // No path: what a hostile name would have a program write elsewhere.
  if (const size_t slash = name.find_last_of("/\\"); slash != name.npos) name.erase(0, slash + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return name;
}

bool Part::is_attachment() const {
  if (disposition == "attachment") return true;
  return !filename().empty() && !(is_text() && disposition == "inline");
}

std::string_view Part::header(std::string_view bytes) const { return bytes.substr(std::min<size_t>(header_offset, bytes.size()), header_size); }
std::string_view Part::body(std::string_view bytes) const { return bytes.substr(std::min<size_t>(body_offset, bytes.size()), body_size); }

size_t part_count(const Part& part) {
  size_t count = 1;
  for (const Part& child : part.children) count += part_count(child);
  return count;
}

}  // namespace pabal::message
