#include "gmail/fields.h"

#include "base/text.h"

namespace pabal::gmail {

class FieldMask::Parser {
 public:
  explicit Parser(std::string_view in) : in_(in) {}

  bool list(FieldMask& into, size_t depth) {
    do
      if (!item(into, depth)) return false;
    while (accept(','));
    return true;
  }
  bool done() const { return in_.empty(); }

 private:
  bool accept(char c) {
    if (in_.empty() || in_[0] != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  static bool is_of_name(char c) {
    return text::is_alnum(c) || c == '_' || c == '-' || c == '*' || c == '$' || c == '.';
  }

  // name, name/name, name(list)
  bool item(FieldMask& into, size_t depth) {
    if (depth > kMaxFieldDepth) return false;
    size_t end = 0;
    while (end < in_.size() && is_of_name(in_[end])) ++end;
    if (end == 0) return false;
    const std::string name(in_.substr(0, end));
    in_.remove_prefix(end);
    const bool deeper = !in_.empty() && (in_[0] == '/' || in_[0] == '(');
    const auto [named, fresh] = into.names_.try_emplace(name);
    FieldMask part;
    if (accept('/')) {
      if (!item(part, depth + 1)) return false;
    } else if (accept('(')) {
      if (!list(part, depth + 1) || !accept(')')) return false;
    }
    // Named twice: both; as a whole and in parts: as a whole.
    if (!deeper)
      named->second.names_.clear();
    else if (fresh)
      named->second = std::move(part);
    else if (!named->second.names_.empty())
      named->second.add(std::move(part));
    return true;
  }

  std::string_view in_;
};

void FieldMask::add(FieldMask other) {
  for (auto& [name, part] : other.names_) {
    const auto [mine, fresh] = names_.try_emplace(name, part);
    if (fresh) continue;
    if (part.names_.empty())
      mine->second.names_.clear();
    else if (!mine->second.names_.empty())
      mine->second.add(std::move(part));
  }
}

Result<FieldMask> FieldMask::parse(std::string_view text) {
  FieldMask out;
  Parser parser(text);
  if (text.size() > kMaxFieldMask || !parser.list(out, 0) || !parser.done())
    return Error{Code::kInvalid, "Invalid field selection: " + text::printable(text)};
  return out;
}

bool FieldMask::apply(api::json::value& value) const {
  if (names_.empty()) return true;
  if (auto* array = value.if_array()) {
    for (api::json::value& element : *array)
      if (!apply(element)) element = api::json::object();
    return true;
  }
  auto* object = value.if_object();
  if (!object) return false;
  api::json::object kept;
  for (auto& member : *object) {
    auto named = names_.find(std::string_view(member.key()));
    if (named == names_.end()) named = names_.find("*");
    if (named != names_.end() && named->second.apply(member.value()))
      kept.emplace(member.key(), std::move(member.value()));
  }
  *object = std::move(kept);
  return true;
}

}  // namespace pabal::gmail
