#include "message/header.h"

#include <algorithm>

#include "base/text.h"
#include "message/decode.h"
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

// Length of the field name at the start of the line; 0 when the line is no field. Blanks before the colon: RFC 5322
// §4.5.
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

size_t header_size(std::string_view bytes, const std::function<bool(std::string_view)>& ends_here) {
  size_t at = 0;
  size_t broken = bytes.npos;  // a line that is no field, while no field has come behind it
  while (at < bytes.size()) {
    const size_t end = line_end(bytes, at);
    const std::string_view line = bytes.substr(at, end - at);
    if (is_blank_line(line)) return broken == bytes.npos ? end : broken;
    if (ends_here && line.starts_with("--") && ends_here(line)) break;
    const bool fold = text::is_wsp(line[0]) && at > 0;
    if (name_size(line) > 0 || (at == 0 && is_mbox_line(line)))
      broken = bytes.npos;
    else if (!fold) {
      if (broken != bytes.npos) return broken;
      // Before the first field only a fold of nothing may stand (seen in files of messages, and where a line was
      // inserted); a boundary or a signature begins a body.
      if (at == 0 ? !text::is_wsp(line[0]) : line.starts_with("--")) return at;
      broken = at;
    }
    at = end;
  }
  return std::min(at, broken);
}

std::vector<HeaderField> header_fields(std::string_view block) {
  std::vector<HeaderField> fields;
  fields.reserve(24);  // most messages have fewer
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

  // Up to one of `stops`, comments left out (except in file names: "report (1).pdf"), trimmed.
  std::string plain(std::string_view stops, bool comments) {
    std::string out;
    while (!done() && stops.find(in_[at_]) == stops.npos) {
      if (comments && in_[at_] == '(' && skip_comment()) continue;
      out += in_[at_++];
    }
    return std::string(text::trim(out));
  }

  void skip_blanks() {
    while (!done() && (text::is_wsp(in_[at_]) || in_[at_] == '(')) {
      if (text::is_wsp(in_[at_]))
        ++at_;
      else if (!skip_comment())
        return;
    }
  }

  bool take(char c) {
    if (done() || in_[at_] != c) return false;
    ++at_;
    return true;
  }

  // A quoted string, its quotes removed; nothing when it has no end. Only \" and \\ are escapes: backslashes of DOS
  // paths stay (seen in the wild).
  std::optional<std::string> quoted() {
    if (done() || in_[at_] != '"' || unclosed_quote_) return {};
    std::string out;
    for (size_t i = at_ + 1; i < in_.size(); ++i) {
      if (in_[i] == '"') {
        at_ = i + 1;
        return out;
      }
      if (in_[i] == '\\' && i + 1 < in_.size() && (in_[i + 1] == '"' || in_[i + 1] == '\\')) ++i;
      out += in_[i];
    }
    unclosed_quote_ = true;  // no later quote is closed either: keeps this linear
    return {};
  }

 private:
  // False when the comment never ends: then its parenthesis is text, and so is every later one (keeps this linear).
  bool skip_comment() {
    if (unclosed_comment_) return false;
    size_t depth = 0;
    for (size_t i = at_; i < in_.size(); ++i) {
      if (in_[i] == '\\')
        ++i;
      else if (in_[i] == '(')
        ++depth;
      else if (in_[i] == ')' && --depth == 0) {
        at_ = i + 1;
        return true;
      }
    }
    unclosed_comment_ = true;
    return false;
  }

  std::string_view in_;
  size_t at_ = 0;
  bool unclosed_comment_ = false, unclosed_quote_ = false;
};

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

bool is_file_name(std::string_view name) { return name == "name" || name == "filename"; }

// One `name=value`, or one section of a value in the form of RFC 2231 §4.1: name*, name*0, name*0*.
struct Section {
  std::string name;
  unsigned index = 0;
  bool sectioned = false;  // has a star
  bool extended = false;   // percent-encoded
  std::string value;
};

Section section_of(std::string_view name, std::string value) {
  Section out;
  if (name.ends_with('*')) {
    out.extended = out.sectioned = true;
    name.remove_suffix(1);
  }
  if (const size_t star = name.rfind('*'); star != name.npos) {
    const auto number = text::parse_u64(name.substr(star + 1));
    if (number && *number < kMaxParams * 10) {
      out.index = static_cast<unsigned>(*number);
      out.sectioned = true;
      name = name.substr(0, star);
    }
  }
  out.name = name;
  out.value = std::move(value);
  return out;
}

// RFC 2231 §3, §4: the sections of one parameter joined; the charset stands in the first one.
std::string join_sections(const std::vector<const Section*>& sections) {
  std::string bytes, charset;  // without a charset: UTF-8 or a guess
  bool extended = false;
  unsigned next = sections.front()->index;
  for (const Section* section : sections) {
    if (section->index + 1 == next) continue;  // the same one again: the first wins
    if (section->index != next++) break;       // a gap: what comes after it has lost its place
    std::string_view value = section->value;
    if (section->extended && !extended && bytes.empty()) {
      const size_t first = value.find('\'');
      const size_t second = first == value.npos ? value.npos : value.find('\'', first + 1);
      if (second != value.npos) {
        charset = value.substr(0, first);
        value.remove_prefix(second + 1);
      }
    }
    extended |= section->extended;
    bytes += section->extended ? percent_decoded(value) : std::string(value);
    if (bytes.size() > kMaxParamBytes) break;
  }
  std::string text = to_utf8(bytes, charset);
  return is_file_name(sections.front()->name) && text.find("=?") != text.npos ? decode_words(text) : text;
}

// The last word of "junk name": what stands before a "=" may follow a value whose semicolon was forgotten.
std::string_view last_word(std::string_view s) {
  const size_t blank = s.find_last_of(" \t");
  return blank == s.npos ? s : s.substr(blank + 1);
}

Params params_of(const std::vector<Section>& sections) {
  Params params;
  for (const Section& section : sections) {
    const bool done = std::any_of(params.begin(), params.end(), [&](const auto& p) { return p.first == section.name; });
    if (done || params.size() == kMaxParams) continue;
    // RFC 2231 says nothing of both forms; RFC 6266 §4.3 prefers the extended one, and so do mail programs.
    std::vector<const Section*> sectioned;
    for (const Section& other : sections)
      if (other.sectioned && other.name == section.name) sectioned.push_back(&other);
    // By number, then as written: they lie in one array.
    std::sort(sectioned.begin(), sectioned.end(),
              [](const Section* a, const Section* b) { return std::pair(a->index, a) < std::pair(b->index, b); });
    params.emplace_back(section.name, join_sections(sectioned.empty() ? std::vector{&section} : sectioned));
  }
  return params;
}

}  // namespace

ParameterizedValue parse_parameterized(std::string_view raw) {
  ParameterizedValue out;
  const std::string line = unfold(raw.substr(0, kMaxFieldBytes));
  ParameterReader reader(line);
  // "multipart/mixed boundary=x" has lost its semicolon: the word before "=" is the first parameter's name.
  std::string head = reader.plain(";=", true);
  std::string name;
  if (reader.take('=')) {
    name = text::lowered(last_word(head));
    head.resize(head.size() - name.size());
  }
  out.value = text::lowered(head);
  std::erase_if(out.value, text::is_wsp);

  std::vector<Section> sections;
  for (size_t count = 0; count < kMaxParams * 10; ++count) {
    if (name.empty()) {
      while (reader.take(';')) {}
      if (reader.done()) break;
      name = text::lowered(last_word(reader.plain("=;", true)));
      if (!reader.take('=')) {
        name.clear();
        continue;
      }
    }
    reader.skip_blanks();
    std::string value;
    if (auto quoted = reader.quoted())
      value = std::move(*quoted);
    else {
      reader.take('"');
      value = is_file_name(name.substr(0, name.find('*'))) ? reader.plain(";", false) : reader.plain("; \t", true);
    }
    reader.skip_blanks();
    if (value.size() > kMaxParamBytes) value.resize(kMaxParamBytes);
    Section section = section_of(name, std::move(value));
    name.clear();
    if (!section.name.empty() && section.name.size() <= 100) sections.push_back(std::move(section));
  }
  out.params = params_of(sections);
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
