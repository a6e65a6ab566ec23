#include "extract/pdf_object.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "extract/extract.h"

namespace pabal::extract {
namespace {

using Type = PdfObject::Type;

constexpr size_t kMaxPages = 20'000;
constexpr size_t kMaxItems = 1 << 20;  // of one array or dictionary

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\0'; }
bool is_delimiter(char c) { return std::string_view("()<>[]{}/%").find(c) != std::string_view::npos; }
bool is_regular(char c) { return !is_blank(c) && !is_delimiter(c); }

int hex(char c) {
  return text::is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

PdfObject of(Type type, std::string text = {}) {
  PdfObject out;
  out.type = type;
  out.text = std::move(text);
  return out;
}

// ASCII85 (§7.4.3).
std::string ascii85(std::string_view in) {
  std::string out;
  uint64_t group = 0;
  int count = 0;
  const auto flush = [&](int octets) {
    for (int i = 0; i < octets; ++i) out += static_cast<char>(group >> (24 - 8 * i) & 0xFF);
  };
  for (const char c : in) {
    if (c == '~') break;
    if (c == 'z' && count == 0) out.append(4, '\0');
    if (c < '!' || c > 'u') continue;
    group = group * 85 + static_cast<uint64_t>(c - '!');
    if (++count < 5) continue;
    flush(4);
    group = 0;
    count = 0;
  }
  if (count > 1) {
    for (int i = count; i < 5; ++i) group = group * 85 + 84;
    flush(count - 1);
  }
  return out;
}

std::string ascii_hex(std::string_view in) {
  std::string out;
  int high = -1;
  for (const char c : in) {
    if (c == '>') break;
    const int digit = hex(c);
    if (digit < 0) continue;
    if (high >= 0) out += static_cast<char>(high << 4 | digit);
    high = high >= 0 ? -1 : digit;
  }
  if (high >= 0) out += static_cast<char>(high << 4);
  return out;
}

}  // namespace

const PdfObject* PdfObject::get(std::string_view name) const {
  for (size_t i = 0; i < names.size() && i < items.size(); ++i)
    if (names[i] == name) return &items[i];
  return nullptr;
}

void PdfReader::skip_blanks() {
  while (at_ < in_.size()) {
    if (in_[at_] == '%') {
      while (at_ < in_.size() && in_[at_] != '\n' && in_[at_] != '\r') ++at_;
    } else if (is_blank(in_[at_])) {
      ++at_;
    } else {
      return;
    }
  }
}

std::optional<PdfObject> PdfReader::next(bool references, int depth) {
  skip_blanks();
  if (at_ >= in_.size() || depth > kMaxDepth) return {};
  const char c = in_[at_];
  if (c == '(') return string();
  if (c == '/') return name();
  if (in_.substr(at_).starts_with("<<")) return list(references, depth, true);
  if (c == '<') return hex_string();
  if (c == '[') return list(references, depth, false);
  if (text::is_digit(c) || c == '+' || c == '-' || c == '.') return number_or_reference(references);
  const size_t begin = at_++;
  if (in_.substr(begin).starts_with(">>")) ++at_;
  if (is_regular(c))
    while (at_ < in_.size() && is_regular(in_[at_])) ++at_;
  PdfObject out = of(Type::kOperator, std::string(in_.substr(begin, at_ - begin)));
  if (out.text == "null") return PdfObject{};
  return out;
}

PdfObject PdfReader::string() {
  PdfObject out = of(Type::kString);
  int open = 0;
  for (; at_ < in_.size(); ++at_) {
    char c = in_[at_];
    if (c == '(' && open++ == 0) continue;
    if (c == ')' && --open == 0) break;
    if (c == '\\' && at_ + 1 < in_.size()) {
      c = in_[++at_];
      if (c >= '0' && c <= '7') {
        int octet = 0;
        for (int i = 0; i < 3 && at_ < in_.size() && in_[at_] >= '0' && in_[at_] <= '7'; ++i)
          octet = octet * 8 + in_[at_++] - '0';
        --at_;
        c = static_cast<char>(octet);
      } else if (c == '\r' || c == '\n') {
        if (c == '\r' && at_ + 1 < in_.size() && in_[at_ + 1] == '\n') ++at_;
        continue;
      } else {
        constexpr std::string_view kNames = "nrtbf", kMeant = "\n\r\t\b\f";
        if (const size_t i = kNames.find(c); i != kNames.npos) c = kMeant[i];
      }
    }
    out.text += c;
  }
  if (at_ < in_.size()) ++at_;
  return out;
}

PdfObject PdfReader::hex_string() {
  const size_t end = std::min(in_.find('>', at_), in_.size());
  PdfObject out = of(Type::kString, ascii_hex(in_.substr(at_ + 1, end - at_ - 1)));
  at_ = std::min(end + 1, in_.size());
  return out;
}

PdfObject PdfReader::name() {
  PdfObject out = of(Type::kName);
  for (++at_; at_ < in_.size() && is_regular(in_[at_]); ++at_) {
    if (in_[at_] == '#' && at_ + 2 < in_.size() && hex(in_[at_ + 1]) >= 0 && hex(in_[at_ + 2]) >= 0) {
      out.text += static_cast<char>(hex(in_[at_ + 1]) << 4 | hex(in_[at_ + 2]));
      at_ += 2;
    } else {
      out.text += in_[at_];
    }
  }
  return out;
}

PdfObject PdfReader::number_or_reference(bool references) {
  const size_t begin = at_++;
  while (at_ < in_.size() && (text::is_digit(in_[at_]) || in_[at_] == '.' || in_[at_] == '-')) ++at_;
  std::string_view digits = in_.substr(begin, at_ - begin);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  PdfObject out = of(Type::kNumber);
  std::from_chars(digits.data(), digits.data() + digits.size(), out.number, std::chars_format::fixed);
  if (!std::isfinite(out.number)) out.number = 0;
  if (!references || out.number < 0 || out.number > UINT32_MAX) return out;
  size_t at = at_;
  const auto blanks = [&] {
    const size_t from = at;
    while (at < in_.size() && is_blank(in_[at])) ++at;
    return at > from;
  };
  if (!blanks()) return out;
  const size_t generation = at;
  while (at < in_.size() && text::is_digit(in_[at])) ++at;
  if (at == generation || !blanks() || at >= in_.size() || in_[at] != 'R') return out;
  if (at + 1 < in_.size() && is_regular(in_[at + 1])) return out;
  at_ = at + 1;
  out.type = Type::kReference;
  return out;
}

PdfObject PdfReader::list(bool references, int depth, bool dict) {
  PdfObject out = of(dict ? Type::kDict : Type::kArray);
  at_ += dict ? 2 : 1;
  while (out.items.size() < kMaxItems) {
    auto one = next(references, depth + 1);
    if (!one) return out;
    if (one->is(Type::kOperator) && one->text == (dict ? ">>" : "]")) break;
    if (one->is(Type::kOperator) && (one->text == "endobj" || one->text == "stream")) return out;
    if (dict && out.names.size() == out.items.size()) {
      if (one->is(Type::kName)) out.names.push_back(std::move(one->text));
    } else {
      out.items.push_back(std::move(*one));
    }
  }
  return out;
}

PdfFile::PdfFile(std::string_view in) : in_(in), budget_{kMaxUnpacked} {
  find_objects();
  if (encrypted_) return;
  find_packed();
  find_pages();
}

void PdfFile::find_objects() {
  for (size_t at = in_.find("obj"); at != in_.npos && places_.size() < kMaxObjects; at = in_.find("obj", at + 3)) {
    // Backwards: blanks, the generation, blanks, the number.
    size_t i = at;
    const auto blanks = [&] {
      const size_t from = i;
      while (i > 0 && is_blank(in_[i - 1])) --i;
      return i < from;
    };
    const auto digits = [&] {
      const size_t end = i;
      while (i > 0 && end - i < 10 && text::is_digit(in_[i - 1])) --i;
      return in_.substr(i, end - i);
    };
    if (!blanks() || digits().empty() || !blanks()) continue;
    const auto number = text::parse_u64(digits());
    if (number && *number <= UINT32_MAX) places_[static_cast<uint32_t>(*number)] = {false, at + 3, 0};
  }
  // The trailer says so; where it is a stream, its dictionary is as readable.
  for (size_t at = in_.rfind("/Encrypt"); at != in_.npos; at = at == 0 ? in_.npos : in_.rfind("/Encrypt", at - 1)) {
    const size_t behind = at + 8;
    if (behind < in_.size() && is_regular(in_[behind])) continue;  // /EncryptMetadata
    encrypted_ = true;
    return;
  }
}

PdfObject PdfFile::read(uint32_t number) const {
  const auto place = places_.find(number);
  if (place == places_.end()) return {};
  const std::string_view in = place->second.packed ? std::string_view(packed_[place->second.n]) : in_;
  PdfReader reader(in, place->second.at);
  auto object = reader.next(true);
  if (!object) return {};
  if (place->second.packed || !object->is(Type::kDict)) return std::move(*object);
  reader.skip_blanks();
  if (!in_.substr(reader.at()).starts_with("stream")) return std::move(*object);
  size_t data = reader.at() + 6;
  if (data < in_.size() && in_[data] == '\r') ++data;
  if (data < in_.size() && in_[data] == '\n') ++data;
  object->data = data;
  return std::move(*object);
}

PdfObject PdfFile::resolve(const PdfObject& object) const {
  PdfObject out = object;
  for (int i = 0; i < kMaxDepth && out.is(Type::kReference); ++i) out = read(static_cast<uint32_t>(out.number));
  return out.is(Type::kReference) ? PdfObject{} : out;
}

PdfObject PdfFile::at(const PdfObject& dict, std::string_view name) const {
  const PdfObject* value = dict.get(name);
  return value ? resolve(*value) : PdfObject{};
}

std::string PdfFile::stream(const PdfObject& dict) const {
  if (dict.data == 0 || dict.data > in_.size()) return {};
  std::string_view raw = in_.substr(dict.data);
  const PdfObject length = at(dict, "Length");
  size_t size = length.is(Type::kNumber) && length.number >= 0 && length.number <= static_cast<double>(raw.size())
                    ? static_cast<size_t>(length.number)
                    : raw.size();
  // A length that does not lead to the end is wrong.
  const size_t end = raw.find("endstream", size > 0 ? size - 1 : 0);
  if (end == raw.npos || end > size + 4) size = std::min(raw.find("endstream"), raw.size());
  raw = raw.substr(0, size);

  PdfObject filter = at(dict, "Filter");
  std::vector<PdfObject> filters;
  if (filter.is(Type::kArray))
    for (const PdfObject& one : filter.items) filters.push_back(resolve(one));
  else if (filter.is(Type::kName))
    filters.push_back(std::move(filter));
  if (filters.size() > 4) return {};
  std::string out(raw.substr(0, filters.empty() ? budget_.octets : raw.npos));
  if (filters.empty()) budget_.octets -= out.size();
  for (const PdfObject& one : filters) {
    if (one.is_name("FlateDecode") || one.is_name("Fl"))
      out = inflate(out, Wrapping::kZlib, budget_);
    else if (one.is_name("ASCII85Decode") || one.is_name("A85"))
      out = ascii85(out);
    else if (one.is_name("ASCIIHexDecode") || one.is_name("AHx"))
      out = ascii_hex(out);
    else
      return {};
  }
  return out;
}

// Streams of objects (§7.5.7). What stands in the file itself is newer than the like in them.
void PdfFile::find_packed() {
  std::vector<uint32_t> numbers;
  for (const auto& [number, place] : places_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  for (const uint32_t number : numbers) {
    const PdfObject dict = read(number);
    if (!dict.is(Type::kDict) || !at(dict, "Type").is_name("ObjStm")) continue;
    std::string unpacked = stream(dict);
    const PdfObject first = at(dict, "First"), count = at(dict, "N");
    if (unpacked.empty() || !first.is(Type::kNumber) || first.number < 0) continue;
    PdfReader reader(unpacked);
    std::vector<std::pair<uint32_t, size_t>> found;
    for (double i = 0; i < count.number && places_.size() + found.size() < kMaxObjects; ++i) {
      const auto id = reader.next(false), offset = reader.next(false);
      if (!id || !offset || !id->is(Type::kNumber) || !offset->is(Type::kNumber)) break;
      const double where = first.number + offset->number;
      if (id->number < 0 || id->number > UINT32_MAX || where < 0 || where >= static_cast<double>(unpacked.size()))
        continue;
      found.emplace_back(static_cast<uint32_t>(id->number), static_cast<size_t>(where));
    }
    packed_.push_back(std::move(unpacked));
    for (const auto& [id, where] : found) {
      const auto known = places_.find(id);
      if (known == places_.end() || known->second.packed) places_[id] = {true, where, packed_.size() - 1};
    }
  }
}

void PdfFile::find_pages() {
  std::vector<uint32_t> numbers;
  for (const auto& [number, place] : places_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  std::vector<PdfObject> loose;
  std::set<uint32_t> seen;
  for (const uint32_t number : numbers) {
    PdfObject object = read(number);
    if (!object.is(Type::kDict)) continue;
    const PdfObject type = at(object, "Type");
    if (type.is_name("Catalog") && pages_.empty()) {
      if (const PdfObject* root = object.get("Pages")) walk(*root, nullptr, seen, 0);
    } else if (type.is_name("Page") && loose.size() < kMaxPages) {
      loose.push_back(std::move(object));
    }
  }
  if (pages_.empty()) pages_ = std::move(loose);
}

void PdfFile::walk(const PdfObject& node, const PdfObject* resources, std::set<uint32_t>& seen, int depth) {
  if (depth > kMaxDepth || pages_.size() >= kMaxPages) return;
  if (node.is(Type::kReference) && !seen.insert(static_cast<uint32_t>(node.number)).second) return;
  PdfObject dict = resolve(node);
  if (!dict.is(Type::kDict)) return;
  const PdfObject own = at(dict, "Resources");
  if (own.is(Type::kDict)) resources = &own;
  const PdfObject kids = at(dict, "Kids");
  if (kids.is(Type::kArray)) {
    for (const PdfObject& kid : kids.items) walk(kid, resources, seen, depth + 1);
    return;
  }
  if (!own.is(Type::kDict) && resources) {
    dict.names.resize(dict.items.size());
    dict.names.emplace_back("Resources");
    dict.items.push_back(*resources);
  }
  pages_.push_back(std::move(dict));
}

}  // namespace pabal::extract
