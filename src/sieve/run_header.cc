// Tests of header fields, the envelope and dates.
#include <algorithm>

#include "base/text.h"
#include "message/words.h"
#include "sieve/dates.h"
#include "sieve/match.h"

namespace pabal::sieve {
namespace {

// RFC 5228 §2.4.2.2 and §2.7.2: unfolded, trimmed, encoded words decoded.
std::string readable(std::string_view raw) { return std::string(text::trim(message::decode_words(raw))); }

// What RFC 5228 §2.7.4 and RFC 5233 take of an address; nothing when it has no such part.
std::optional<std::string> part_of(const std::string& local, const std::string& domain, const std::string& whole,
                                   uint8_t part) {
  const size_t plus = local.find('+');
  switch (part) {
    case kLocalPart:
      return local;
    case kDomain:
      return domain;
    case kUser:
      return local.substr(0, plus);
    case kDetail:
      if (plus == local.npos) return std::nullopt;
      return local.substr(plus + 1);
    default:
      return whole;
  }
}

// Of a MIME field, what :type and the like ask for (RFC 5703 §4.2).
std::vector<std::string> mime_values(Run& run, const Operand& wanted, std::string_view raw) {
  const message::ParameterizedValue value = message::parse_parameterized(raw);
  const size_t slash = value.value.find('/');
  std::vector<std::string> out;
  switch (wanted.choice) {
    case kType:
      out.push_back(value.value.substr(0, slash));
      break;
    case kSubtype:
      out.push_back(slash == value.value.npos ? std::string() : value.value.substr(slash + 1));
      break;
    case kContentType:
      out.push_back(value.value);
      break;
    default:
      for (const Text& name : wanted.strings)
        if (const std::string* found = value.find(text::lowered(run.text(name)))) out.push_back(*found);
  }
  return out;
}

std::chrono::minutes zone_of(Run& run, const Node& node, std::chrono::minutes original) {
  const Operand* zone = node.find(Slot::kZone);
  if (!zone) return run.input.zone;
  if (zone->choice == kOriginalZone) return original;
  const auto given = parse_zone(run.text(node, Slot::kZone));
  return given ? *given : run.input.zone;
}

bool match_date(Run& run, const Node& node, Matching& matching, Time time, std::chrono::minutes zone) {
  const auto part = date_part(run.text(node, Slot::kDatePart), time, zone);
  return part && matching.add(*part);
}

// An envelope address; "" is the null sender.
bool match_envelope_address(Matching& matching, const std::string& address, uint8_t part) {
  const size_t at = address.rfind('@');
  const std::string local = address.substr(0, at), domain = at == address.npos ? "" : address.substr(at + 1);
  const auto value = part_of(local, domain, address, part);
  return value && matching.add(*value);
}

}  // namespace

std::vector<std::string_view> field_values(Run& run, const Node& node, std::string_view name) {
  std::vector<std::string_view> out;
  const auto take = [&](const std::vector<message::HeaderField>& fields) {
    run.step(1 + fields.size() / 32);
    for (const message::HeaderField& field : fields)
      if (text::iequals(field.name, name)) out.push_back(field.raw_value);
  };
  if (!node.has(Slot::kMime)) {
    take(run.letter.fields());
    return out;
  }
  // RFC 5703 §4: with :mime of the part of the loop, with :anychild of those in it too.
  const message::Part& part = run.part ? *run.part : run.letter.root();
  if (!node.has(Slot::kAnyChild)) {
    take(run.letter.fields(part));
    return out;
  }
  for (const message::Part* one : parts_of(part)) {
    if (!run.step_octets(one->header_size)) return {};
    take(run.letter.fields(*one));
  }
  return out;
}

std::vector<std::string_view> indexed(const Node& node, std::vector<std::string_view> values) {
  if (!node.has(Slot::kIndex)) return values;
  const uint64_t index = node.number(Slot::kIndex, 1);
  if (index == 0 || index > values.size()) return {};
  const size_t at = node.has(Slot::kLast) ? values.size() - index : index - 1;
  return {values[at]};
}

// RFC 5228 §5.7
bool test_header(Run& run, const Node& node) {
  Matching matching(run, node);
  const Operand* wanted = node.find(Slot::kMimePart);
  for (const std::string& name : run.texts(node, Slot::kHeaders)) {
    for (const std::string_view raw : indexed(node, field_values(run, node, name))) {
      if (!run.step_parsed(raw.size())) return false;
      if (!wanted) {
        if (matching.add(readable(raw))) return true;
        continue;
      }
      for (const std::string& value : mime_values(run, *wanted, raw))
        if (matching.add(value)) return true;
    }
  }
  return matching.finish();
}

// RFC 5228 §5.1
bool test_address(Run& run, const Node& node) {
  Matching matching(run, node);
  const uint8_t part = node.choice(Slot::kPart, kAll);
  for (const std::string& name : run.texts(node, Slot::kHeaders)) {
    if (!is_address_header(name)) continue;
    for (const std::string_view raw : indexed(node, field_values(run, node, name))) {
      if (!run.step_parsed(raw.size())) return false;
      for (const message::AddressItem& item : message::parse_address_list(raw)) {
        if (item.kind != message::AddressItem::kMailbox) continue;
        if (item.domain.empty() && part != kAll) continue;  // no address: only its whole text can be compared
        const std::string whole = item.domain.empty() ? item.local : item.local + "@" + item.domain;
        const auto value = part_of(item.local, item.domain, whole, part);
        if (value && matching.add(*value)) return true;
        if (run.failed()) return false;
      }
    }
  }
  return matching.finish();
}

// RFC 5228 §5.4, RFC 6009 §3
bool test_envelope(Run& run, const Node& node) {
  if (!run.at_delivery("envelope")) return false;
  Matching matching(run, node);
  const uint8_t part = node.choice(Slot::kPart, kAll);
  for (const std::string& given : run.texts(node, Slot::kHeaders)) {
    const std::string name = text::lowered(given);
    if (name == "from" && match_envelope_address(matching, run.input.from, part)) return true;
    if (name == "to" && match_envelope_address(matching, run.input.to, part)) return true;
    if (name == "auth" && !run.input.auth.empty() && match_envelope_address(matching, run.input.auth, part))
      return true;
    for (const auto& [key, value] : {std::pair<std::string_view, const std::string&>{"orcpt", run.input.dsn_orcpt},
                                     {"ret", run.input.dsn_ret},
                                     {"envid", run.input.dsn_envid}})
      if (name == key && !value.empty() && matching.add(value)) return true;
    if (name == "notify" && !run.input.dsn_notify.empty()) {
      for (const std::string_view word : text::split(run.input.dsn_notify, ','))
        if (matching.add(text::trim(word))) return true;
    }
  }
  return matching.finish();
}

// RFC 5228 §5.5
bool test_exists(Run& run, const Node& node) {
  for (const std::string& name : run.texts(node, Slot::kHeaders))
    if (field_values(run, node, name).empty()) return false;
  return !run.failed();
}

// RFC 5228 §5.9
bool test_size(Run& run, const Node& node) {
  const uint64_t limit = node.number(Slot::kLimit, 0), size = run.letter.size();
  return node.choice(Slot::kLimit, kOver) == kOver ? size > limit : size < limit;
}

// RFC 5260 §4
bool test_date(Run& run, const Node& node) {
  Matching matching(run, node);
  const std::string name = run.text(node, Slot::kHeaders);
  for (const std::string_view raw : indexed(node, field_values(run, node, name))) {
    if (!run.step_parsed(raw.size())) return false;
    // Of a field like Received the date is what stands behind the last semicolon.
    const std::string value = message::unfold(raw);
    const size_t semicolon = value.rfind(';');
    const std::string_view text = std::string_view(value).substr(semicolon == value.npos ? 0 : semicolon + 1);
    const auto time = message::parse_date(text);
    if (!time) continue;
    const auto zone = zone_of(run, node, std::chrono::minutes(message::parse_date_zone(text)));
    if (match_date(run, node, matching, *time, zone)) return true;
  }
  return matching.finish();
}

// RFC 5260 §5
bool test_current_date(Run& run, const Node& node) {
  Matching matching(run, node);
  if (match_date(run, node, matching, run.input.now, zone_of(run, node, run.input.zone))) return true;
  return matching.finish();
}

}  // namespace pabal::sieve
