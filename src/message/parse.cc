#include <algorithm>
#include <cstring>
#include <map>

#include "base/text.h"
#include "message/message.h"

// One pass over the octets for all levels: each line is looked at once, and a line that begins with "--" is compared
// with the boundaries that are open. So 10,000 nested parts cost no more than their octets.
namespace pabal::message {
namespace {

using text::iequals;

uint32_t u32(size_t n) { return static_cast<uint32_t>(n); }

// "text/plain" in its two halves. What stands behind a token ("text/plain, charset") is dropped; nothing when one is
// empty.
std::pair<std::string, std::string> type_of(std::string_view value) {
  const auto token = [](std::string_view s) { return std::string(s.substr(0, s.find_first_of("()<>@,;:\\\"/[]?="))); };
  const size_t slash = value.find('/');
  if (slash == value.npos) return {};
  return {token(value.substr(0, slash)), token(value.substr(slash + 1))};
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
      if (into.empty())
        into = std::move(items);
      else if (into.size() + items.size() <= kMaxAddresses)
        into.insert(into.end(), items.begin(), items.end());
    };
    if (iequals(f.name, "Date") && s.date_raw.empty()) {
      s.date_raw = unfold(raw);
      s.date = parse_date(s.date_raw);
    } else if (iequals(f.name, "Subject") && s.subject.empty())
      s.subject = unfold(raw);
    else if (iequals(f.name, "From"))
      list(s.from);
    else if (iequals(f.name, "Sender"))
      list(s.sender);
    else if (iequals(f.name, "Reply-To"))
      list(s.reply_to);
    else if (iequals(f.name, "To"))
      list(s.to);
    else if (iequals(f.name, "Cc"))
      list(s.cc);
    else if (iequals(f.name, "Bcc"))
      list(s.bcc);
    else if (iequals(f.name, "Message-ID") && s.message_id.empty()) {
      const auto ids = parse_message_ids(raw);
      if (!ids.empty()) s.message_id = ids.front();
    } else if (iequals(f.name, "In-Reply-To") && s.in_reply_to.empty()) {
      s.in_reply_to = unfold(raw);
      in_reply_to = raw;
    } else if (iequals(f.name, "References") && references.empty())
      references = raw;
  }
  s.references = references_of(references, in_reply_to);
  return s;
}

void add_languages(const std::string& list, std::vector<std::string>& into) {
  for (const std::string_view word : text::split(list, ','))
    if (into.size() < kMaxLanguages && !text::trim(word).empty()) into.emplace_back(text::trim(word));
}

class Parser {
 public:
  Parser(std::string_view bytes, Message& out) : bytes_(bytes), out_(out) {}

  void run() {
    out_.root = header(false, &out_.summary);
    body(out_.root, 1);
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  // The boundary line, or the end of the message, where a body ended.
  struct Found {
    size_t level = kNone;  // how many boundaries were open when this one was opened; kNone: the end
    bool closes = false;
    size_t line = 0;            // its first octet
    uint32_t lines_before = 0;  // line ends before it
  };

  // The header at at_. It ends at its blank line, or where an open boundary comes before that.
  Part header(bool in_digest, Summary* summary) {
    Part part;
    const size_t from = at_;
    const size_t size =
        header_size(bytes_.substr(from), [this](std::string_view line) { return level_of(line).first != kNone; });
    const std::string_view block = bytes_.substr(from, size);
    const auto fields = header_fields(block);
    if (block.size() > kMaxHeaderBytes || fields.size() >= kMaxHeaderFields) out_.truncated = true;
    for (const HeaderField& f : fields) out_.truncated |= f.raw_value.size() > kMaxFieldBytes;
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
        ParameterizedValue value = parse_parameterized(raw);
        auto [type, subtype] = type_of(value.value);
        if (!type.empty() && !subtype.empty()) {  // RFC 2045 §5.2: else text/plain
          part.type = std::move(type);
          part.subtype = std::move(subtype);
        }
        part.params = std::move(value.params);
      } else if (iequals(f.name, "Content-Transfer-Encoding") && !encoded) {
        encoded = true;
        part.encoding = parse_parameterized(raw).value;
        if (part.encoding.empty()) part.encoding = "7bit";
      } else if (iequals(f.name, "Content-Disposition") && !disposed) {
        disposed = true;
        ParameterizedValue value = parse_parameterized(raw);
        part.disposition = std::move(value.value);
        part.disposition_params = std::move(value.params);
      } else if (iequals(f.name, "Content-ID") && part.id.empty())
        part.id = unfold(raw);
      else if (iequals(f.name, "Content-Description") && part.description.empty())
        part.description = unfold(raw);
      else if (iequals(f.name, "Content-MD5") && part.md5.empty())
        part.md5 = unfold(raw);
      else if (iequals(f.name, "Content-Location") && part.location.empty())
        part.location = unfold(raw);
      else if (iequals(f.name, "Content-Language"))
        add_languages(unfold(raw), part.languages);
    }
    if (summary) *summary = summary_of(fields);
    at_ = from + size;
    lines_ += lines_in(block);
    ++parts_;
    return part;
  }

  // Reads the body that begins at at_; leaves at_ behind the boundary line that ended it, which found_ tells of.
  void body(Part& part, size_t depth) {
    const size_t begin = at_;
    const uint32_t lines_before = lines_;
    std::string boundary = part.is_multipart() && part.param("boundary") ? *part.param("boundary") : "";
    while (!boundary.empty() && text::is_wsp(boundary.back())) boundary.pop_back();
    const bool bounded = !boundary.empty() && boundary.size() <= kMaxBoundaryBytes;
    // An embedded message is opened unless its octets are coded (RFC 2046 §5.2.1 forbids that; some do it).
    const bool embeds = part.is_message() && part.encoding != "base64" && part.encoding != "quoted-printable";
    const bool room = depth < kMaxDepth && parts_ < kMaxParts;
    if ((bounded || embeds) && !room) out_.truncated = true;
    if (bounded && room)
      multipart(part, boundary, depth);
    else if (embeds && room)
      embedded(part, depth);
    else
      found_ = scan();

    size_t end = found_.line, lines = found_.lines_before;
    if (found_.level != kNone && end > begin) {  // the line end before a boundary belongs to it (RFC 2046 §5.1.1)
      --end, --lines;
      if (end > begin && bytes_[end - 1] == '\r') --end;
    }
    // A line end that an inner header needed, since the boundary followed it at once, is not given to the boundary.
    if (!part.children.empty()) {
      const Part& last = part.children.back();
      if (const size_t inner_end = size_t{last.body_offset} + last.body_size; inner_end > end) {
        lines += lines_in(bytes_.substr(end, inner_end - end));
        end = inner_end;
      }
    }
    part.body_size = u32(end - begin);
    part.body_lines = u32(lines - lines_before) + (end > begin && bytes_[end - 1] != '\n');
  }

  void multipart(Part& part, const std::string& boundary, size_t depth) {
    const size_t level = open_count_++;
    open_[boundary].push_back(level);
    found_ = scan();  // the preamble
    while (found_.level == level && !found_.closes) {
      if (parts_ >= kMaxParts) {
        out_.truncated = true;
        found_ = scan();
        continue;
      }
      // A boundary line with nothing behind it at all: the message was cut there, and no part has begun.
      if (at_ == bytes_.size()) {
        found_ = end_of_message();
        break;
      }
      Part child = header(part.subtype == "digest", nullptr);
      body(child, depth + 1);
      part.children.push_back(std::move(child));
    }
    --open_count_;
    const auto same = open_.find(boundary);
    same->second.pop_back();
    if (same->second.empty()) open_.erase(same);
    if (found_.level == level) found_ = scan();  // the epilogue
  }

  void embedded(Part& part, size_t depth) {
    auto summary = std::make_shared<Summary>();
    Part child = header(false, summary.get());
    body(child, depth + 1);
    child.summary = std::move(summary);
    part.children.push_back(std::move(child));
  }

  static uint32_t lines_in(std::string_view text) {
    return u32(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
  }
  Found end_of_message() const { return {kNone, false, bytes_.size(), lines_}; }

  // The open boundary that a line beginning with "--" is, the innermost where two fit; and whether it closes. The whole
  // line must fit, blanks at its end aside: RFC 2046 §5.1.1 would allow more behind it, but many programs use
  // boundaries that are prefixes of each other.
  std::pair<size_t, bool> level_of(std::string_view line) const {
    line.remove_prefix(2);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || text::is_wsp(line.back())))
      line.remove_suffix(1);
    if (line.size() > kMaxBoundaryBytes + 2) return {kNone, false};
    std::pair<size_t, bool> found{kNone, false};
    if (const auto open = open_.find(line); open != open_.end()) found = {open->second.back(), false};
    if (line.ends_with("--"))
      if (const auto open = open_.find(line.substr(0, line.size() - 2)); open != open_.end())
        if (found.first == kNone || open->second.back() > found.first) found = {open->second.back(), true};
    return found;
  }

  // From at_ to the next line that is an open boundary, or to the end.
  Found scan() {
    if (open_.empty()) {
      lines_ += lines_in(bytes_.substr(at_));
      at_ = bytes_.size();
    }
    while (at_ < bytes_.size()) {
      const size_t line = at_;
      const void* lf = std::memchr(bytes_.data() + line, '\n', bytes_.size() - line);
      at_ = lf ? static_cast<size_t>(static_cast<const char*>(lf) - bytes_.data()) + 1 : bytes_.size();
      const uint32_t lines_before = lines_;
      lines_ += lf != nullptr;
      if (bytes_[line] != '-' || line + 1 == bytes_.size() || bytes_[line + 1] != '-') continue;
      const auto [level, closes] = level_of(bytes_.substr(line, at_ - line));
      if (level != kNone) return {level, closes, line, lines_before};
    }
    return end_of_message();
  }

  std::string_view bytes_;
  Message& out_;
  size_t at_ = 0;       // everything before it is read
  uint32_t lines_ = 0;  // line ends before at_
  size_t parts_ = 0;
  size_t open_count_ = 0;
  std::map<std::string, std::vector<size_t>, std::less<>> open_;  // boundaries to the levels where they were opened
  Found found_;
};

void look_for_oddities(std::string_view bytes, Message& m) {
  if (bytes.empty()) return;  // memchr takes no null pointer, of no octets either
  m.has_8bit = !text::is_ascii(bytes);
  m.has_nul = std::memchr(bytes.data(), '\0', bytes.size()) != nullptr;
  const auto each = [&](char c, const auto& look) {  // memchr: several octets a cycle
    const char* const end = bytes.data() + bytes.size();
    for (const char* p = bytes.data(); p != end; ++p) {
      p = static_cast<const char*>(std::memchr(p, c, static_cast<size_t>(end - p)));
      if (!p || look(p, end)) return;
    }
  };
  each('\n', [&](const char* p, const char*) { return m.bare_lf = p == bytes.data() || p[-1] != '\r'; });
  each('\r', [&](const char* p, const char* end) { return m.bare_cr = p + 1 == end || p[1] != '\n'; });
}

}  // namespace

std::string author_domain(const Summary& summary) {
  const auto author = first_address(summary.from);
  return author ? ascii_domain(*author) : std::string();
}

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

std::string_view Part::header(std::string_view bytes) const {
  return bytes.substr(std::min<size_t>(header_offset, bytes.size()), header_size);
}
std::string_view Part::body(std::string_view bytes) const {
  return bytes.substr(std::min<size_t>(body_offset, bytes.size()), body_size);
}

size_t part_count(const Part& part) {
  size_t count = 1;
  for (const Part& child : part.children) count += part_count(child);
  return count;
}

}  // namespace pabal::message
