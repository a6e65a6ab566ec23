#include "message/header.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "message/limits.h"
#include "message/words.h"

namespace pabal::message {
namespace {

// RFC 5322 §3.6.8: a field name is printable ASCII without the colon.
bool is_name_char(char c) { return c > 32 && c < 127 && c != ':'; }

// End of the line that begins at `at`, its LF included.
size_t line_end(std::string_view bytes, size_t at) {
  const size_t lf = bytes.find('\n', at);
  return lf == bytes.npos ? bytes.size() : lf + 1;
}

bool is_blank_line(std::string_view line) { return line == "\n" || line == "\r\n"; }

// Length of the field name at the start of the line; 0 when the line is no field. Blanks before the colon: RFC 5322 §4.5.
size_t name_size(std::string_view line) {
  size_t size = 0;
  while (size < line.size() && is_name_char(line[size])) ++size;
  size_t colon = size;
  while (colon < line.size() && text::is_wsp(line[colon])) ++colon;
  return colon < line.size() && line[colon] == ':' ? size : 0;
}

// The envelope line that mbox files and some pipes leave on top of a message.
bool is_mbox_line(std::string_view line) { return line.starts_with("From ") || line.starts_with(">From "); }

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

size_t header_size(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t end = line_end(bytes, at);
    const std::string_view line = bytes.substr(at, end - at);
    if (is_blank_line(line)) return end;
    const bool folded = text::is_wsp(line[0]) && at > 0;
    if (!folded && !is_mbox_line(line) && name_size(line) == 0) return at;
    at = end;
  }
  return at;
}

std::vector<HeaderField> header_fields(std::string_view block) {
  std::vector<HeaderField> fields;
  block = block.substr(0, kMaxHeaderBytes);
  bool open = false;  // a fold belongs to the last field, not to a line that was skipped
  for (size_t at = 0; at < block.size();) {
    const size_t end = line_end(block, at);
    const std::string_view line = block.substr(at, end - at);
    if (is_blank_line(line)) break;
    if (text::is_wsp(line[0])) {
      if (open) {
        HeaderField& field = fields.back();
        field.size = static_cast<uint32_t>(end - field.offset);
        const size_t value = static_cast<size_t>(field.raw_value.data() - block.data());
        field.raw_value = without_line_end(block.substr(value, end - value));
      }
    } else if (const size_t name = is_mbox_line(line) ? 0 : name_size(line); name == 0) {
      open = false;
    } else {
      if (fields.size() == kMaxHeaderFields) break;
      const size_t value = at + line.find(':', name) + 1;
      fields.push_back({block.substr(at, name), without_line_end(block.substr(value, end - value)),
                        static_cast<uint32_t>(at), static_cast<uint32_t>(end - at)});
      open = true;
    }
    at = end;
  }
  return fields;
}

std::optional<std::string_view> find_field(const std::vector<HeaderField>& fields, std::string_view name) {
  for (const HeaderField& field : fields)
    if (text::iequals(field.name, name)) return field.raw_value;
  return {};
}

std::optional<std::string_view> find_field(std::string_view header_block, std::string_view name) {
  return find_field(header_fields(header_block), name);
}

std::string unfold(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (char c : raw)
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  const std::string_view trimmed = text::trim(out);
  return trimmed.size() == out.size() ? out : std::string(trimmed);
}

const std::string* ParameterizedValue::find(std::string_view name) const {
  for (const auto& [key, text] : params)
    if (key == name) return &text;
  return nullptr;
}

namespace {

// Walks over `value; name=value; ...`.
class ParameterReader {
 public:
  explicit ParameterReader(std::string_view in) : in_(in) {}

  bool done() const { return at_ >= in_.size(); }

  // Up to one of `stops`, comments left out, trimmed.
  std::string plain(std::string_view stops, bool comments) {
    std::string out;
    while (!done() && stops.find(in_[at_]) == stops.npos) {
      if (comments && in_[at_] == '(' && skip_comment()) continue;
      out += in_[at_++];
    }
    return std::string(text::trim(out));
  }

  void skip_blanks() {
    while (!done() && (text::is_wsp(in_[at_]) || (in_[at_] == '(' && skip_comment()))) {
      if (text::is_wsp(in_[at_])) ++at_;
      if (done()) return;
    }
  }

  bool take(char c) {
    if (done() || in_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at(char c) const { return !done() && in_[at_] == c; }

  // After the opening quote. Only \" and \\ are escapes: backslashes of DOS paths stay (seen in the wild).
  std::string quoted() {
    std::string out;
    while (!done()) {
      const char c = in_[at_++];
      if (c == '"') break;
      if (c == '\\' && !done() && (in_[at_] == '"' || in_[at_] == '\\')) out += in_[at_++];
      else out += c;
    }
    return out;
  }

 private:
  // False when the comment never ends: then its parenthesis is text, and so is every later one (keeps this linear).
  bool skip_comment() {
    if (unclosed_) return false;
    size_t depth = 0;
    for (size_t i = at_; i < in_.size(); ++i) {
      if (in_[i] == '\\') ++i;
      else if (in_[i] == '(') ++depth;
      else if (in_[i] == ')' && --depth == 0) {
        at_ = i + 1;
        return true;
      }
    }
    unclosed_ = true;
    return false;
  }

  std::string_view in_;
  size_t at_ = 0;
  bool unclosed_ = false;
};

struct Segment {
  std::string value;
  bool extended = false;
};

int hex_digit(char c) {
  if (text::is_digit(c)) return c - '0';
  c = text::lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

// RFC 2231 §3, §4: the segments of one parameter joined; the charset stands in the first one.
std::string join_segments(const std::map<unsigned, Segment>& segments) {
  std::string bytes, charset;
  bool extended = false;
  unsigned next = segments.begin()->first;
  for (const auto& [index, segment] : segments) {
    if (index != next++) break;  // a gap: what comes after it has lost its place
    std::string_view value = segment.value;
    if (segment.extended && !extended && bytes.empty()) {
      const size_t first = value.find('\'');
      const size_t second = first == value.npos ? value.npos : value.find('\'', first + 1);
      if (second != value.npos) {
        charset = value.substr(0, first);
        value.remove_prefix(second + 1);
      }
    }
    extended |= segment.extended;
    bytes += segment.extended ? percent_decoded(value) : std::string(value);
    if (bytes.size() > kMaxParamBytes) break;
  }
  if (extended) return to_utf8(bytes, charset);
  return decode_words(bytes);
}

}  // namespace

ParameterizedValue parse_parameterized(std::string_view raw) {
  ParameterizedValue out;
  const std::string line = unfold(raw.substr(0, kMaxFieldBytes));
  ParameterReader reader(line);
  out.value = text::lowered(reader.plain(";", true));
  std::erase_if(out.value, text::is_wsp);

  struct Found {
    std::map<unsigned, Segment> plain;       // index 0 alone: name=value
    std::map<unsigned, Segment> continued;   // name*=, name*0=, name*1*=
  };
  std::vector<std::pair<std::string, Found>> found;
  for (size_t count = 0; !reader.done() && count < kMaxParams * 10; ++count) {
    reader.take(';');
    std::string name = text::lowered(reader.plain("=;", true));
    if (!reader.take('=')) continue;
    reader.skip_blanks();
    const bool file_name = name.starts_with("name") || name.starts_with("filename");
    std::string value;
    if (reader.take('"')) {
      value = reader.quoted();
      reader.skip_blanks();
    } else {
      value = reader.plain(";", !file_name);
    }
    if (value.size() > kMaxParamBytes) value.resize(kMaxParamBytes);

    // RFC 2231 §4.1: initial-section and other-sections.
    Segment segment{std::move(value), false};
    std::string_view base = name;
    if (base.ends_with('*')) {
      segment.extended = true;
      base.remove_suffix(1);
    }
    unsigned index = 0;
    bool continued = segment.extended;
    if (const size_t star = base.rfind('*'); star != base.npos) {
      const auto number = text::parse_u64(base.substr(star + 1));
      if (number && *number < kMaxParams * 10) {
        index = static_cast<unsigned>(*number);
        continued = true;
        base = base.substr(0, star);
      }
    }
    if (base.empty() || base.size() > 100) continue;
    auto slot = std::find_if(found.begin(), found.end(), [&](const auto& f) { return f.first == base; });
    if (slot == found.end()) {
      if (found.size() == kMaxParams) continue;
      slot = found.insert(found.end(), {std::string(base), {}});
    }
    (continued ? slot->second.continued : slot->second.plain).try_emplace(index, std::move(segment));
  }
  for (auto& [name, segments] : found) {
    // RFC 2231 says nothing of both forms; RFC 6266 §4.3 prefers the extended one, and so do mail programs.
    std::string value = join_segments(segments.continued.empty() ? segments.plain : segments.continued);
    out.params.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

std::vector<std::string> parse_message_ids(std::string_view raw) {
  std::vector<std::string> ids;
  raw = raw.substr(0, kMaxFieldBytes);
  for (size_t open = raw.find('<'); open != raw.npos;) {
    const size_t end = raw.find_first_of("<>", open + 1);
    if (end == raw.npos) break;
    if (raw[end] == '<') {
      open = end;
      continue;
    }
    std::string id = "<";
    for (char c : raw.substr(open + 1, end - open - 1))
      if (static_cast<unsigned char>(c) > ' ') id += c;
    id += '>';
    if (id.size() > 2 && id.size() <= kMaxMessageIdBytes) {
      // RFC 5322 §3.6.4: the first id is the thread's root, the last the parent; what is dropped lies between.
      if (ids.size() == kMaxReferences) ids.erase(ids.begin() + 1);
      ids.push_back(std::move(id));
    }
    open = raw.find('<', end);
  }
  return ids;
}

}  // namespace pabal::message
