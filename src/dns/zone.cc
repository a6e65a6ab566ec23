#include <arpa/inet.h>

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/text.h"
#include "dns/resolver.h"

namespace pabal::dns {
namespace {

constexpr int kMaxCnames = 8;
constexpr size_t kMaxRecords = 100'000;  // of one zone text

struct Word {
  std::string text;
  bool quoted = false;
};
struct EntryLine {
  size_t line = 0;
  bool starts_blank = false;
  std::vector<Word> words;
};

// RFC 1035 §5.1: lines of words, quotes, comments, parentheses that join lines.
Result<std::vector<EntryLine>> tokenize(std::string_view text) {
  std::vector<EntryLine> out;
  EntryLine entry;
  size_t line = 1;
  int depth = 0;
  bool at_start = true;
  const auto finish = [&] {
    if (!entry.words.empty()) out.push_back(std::move(entry));
    entry = {};
  };
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : '\n';
    if (c == '\n') {
      if (depth == 0) finish();
      ++line;
      at_start = true;
      continue;
    }
    if (at_start && depth == 0) {
      entry.line = line;
      entry.starts_blank = text::is_wsp(c);
    }
    at_start = false;
    if (text::is_wsp(c) || c == '\r') continue;
    if (c == ';') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '(')
      ++depth;
    else if (c == ')') {
      if (--depth < 0) return Error{Code::kInvalid, "line " + std::to_string(line) + ": ) without ("};
    } else if (c == '"') {
      Word word{"", true};
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\n')
          return Error{Code::kInvalid, "line " + std::to_string(line) + ": a quoted string does not end"};
        if (text[i] == '\\' && i + 3 < text.size() && text::is_digit(text[i + 1])) {  // \DDD: an octet by number
          const auto octet = text::parse_u64(text.substr(i + 1, 3));
          if (!octet || *octet > 255)
            return Error{Code::kInvalid,
                         "line " + std::to_string(line) + ": a backslash and digits want \\DDD up to 255"};
          word.text += static_cast<char>(*octet);
          i += 3;
          continue;
        }
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        word.text += text[i];
      }
      if (i >= text.size())
        return Error{Code::kInvalid, "line " + std::to_string(line) + ": a quoted string does not end"};
      entry.words.push_back(std::move(word));
    } else {
      Word word;
      for (; i < text.size() && !text::is_wsp(text[i]) &&
             std::string_view("\r\n;()\"").find(text[i]) == std::string_view::npos;
           ++i)
        word.text += text[i];
      --i;
      entry.words.push_back(std::move(word));
    }
  }
  if (depth != 0) return Error{Code::kInvalid, "a ( is not closed"};
  return out;
}

std::optional<Type> type_of(std::string_view name) {
  constexpr std::pair<std::string_view, Type> kTypes[] = {
      {"A", Type::kA},         {"AAAA", Type::kAaaa}, {"MX", Type::kMx},     {"TXT", Type::kTxt}, {"NS", Type::kNs},
      {"CNAME", Type::kCname}, {"PTR", Type::kPtr},   {"TLSA", Type::kTlsa}, {"CAA", Type::kCaa}, {"SRV", Type::kSrv}};
  for (const auto& [word, type] : kTypes)
    if (text::iequals(name, word)) return type;
  return {};
}

}  // namespace

struct ZoneResolver::Impl {
  // Every name between a record's owner and its zone has a node: names that exist only because of others below them
  // (RFC 4592 §2.2.2) are nodes without records.
  struct Node {
    std::map<Type, std::vector<Record>> records;
  };
  std::shared_ptr<Resolver> next;
  mutable std::mutex mutex;
  std::map<std::string, bool> zones;  // origin without final dot ("" is the root) -> secure
  std::map<std::string, Node> nodes;
  std::map<std::string, Code> failures;

  // The innermost zone that holds `name`, if any.
  const std::pair<const std::string, bool>* zone_of(std::string_view name) const {
    for (std::string_view rest = name;;) {
      const auto found = zones.find(std::string(rest));
      if (found != zones.end()) return &*found;
      if (rest.empty()) return nullptr;
      rest = parent(rest);
    }
  }
  static std::string_view parent(std::string_view name) {
    const size_t dot = name.find('.');
    return dot == name.npos ? std::string_view() : name.substr(dot + 1);
  }

  // The node of a name, or the wildcard of its closest encloser (RFC 4592 §3.3.1).
  const Node* node_of(const std::string& name, const std::string& origin) const {
    if (const auto found = nodes.find(name); found != nodes.end()) return &found->second;
    for (std::string_view rest = name; rest.size() > origin.size();) {
      rest = parent(rest);
      if (!nodes.contains(std::string(rest))) continue;
      const auto wildcard = nodes.find(rest.empty() ? "*" : "*." + std::string(rest));
      return wildcard == nodes.end() ? nullptr : &wildcard->second;
    }
    return nullptr;
  }

  // What the zones say. `outside` is set when an alias leads to a name that is in none of them.
  Result<Answer> answer(const std::string& asked, Type type, std::optional<std::string>& outside) const {
    Answer out;
    std::string name = asked;
    out.secure = true;
    for (int i = 0; i <= kMaxCnames; ++i) {
      out.canonical = name;
      if (const auto failure = failures.find(name); failure != failures.end())
        return Error{failure->second, "the servers of " + name + " fail"};
      const auto* zone = zone_of(name);
      if (!zone) {
        outside = name;
        return out;
      }
      out.secure = out.secure && zone->second;
      const Node* node = node_of(name, zone->first);
      if (!node) {
        out.status = Answer::Status::kNxDomain;
        return out;
      }
      if (const auto found = node->records.find(type); found != node->records.end()) {
        out.status = Answer::Status::kFound;
        out.records = found->second;
        return out;
      }
      const auto alias = node->records.find(Type::kCname);
      if (alias == node->records.end()) return out;
      name = alias->second.front().data;
    }
    return Error{Code::kUnavailable, "the aliases of " + asked + " do not end"};
  }

  // Takes in the records of one zone in place of those it had.
  void replace(const std::string& zone, bool secure, std::map<std::string, Node> loaded) {
    zones[zone] = secure;
    std::erase_if(nodes, [&](const auto& node) {
      const auto* home = zone_of(node.first);
      return home && home->first == zone;
    });
    nodes[zone];
    for (auto& [name, node] : loaded) {
      for (std::string_view above = parent(name); above.size() > zone.size(); above = parent(above))
        nodes[std::string(above)];
      nodes[name] = std::move(node);
    }
  }
};

ZoneResolver::ZoneResolver(std::shared_ptr<Resolver> next) : impl_(std::make_unique<Impl>()) {
  impl_->next = std::move(next);
}
ZoneResolver::~ZoneResolver() = default;

void ZoneResolver::query(std::string name, Type type, Callback done) {
  name = text::lowered(name);
  if (!name.empty() && name.back() == '.') name.pop_back();
  std::optional<Result<Answer>> known;
  std::optional<std::string> outside;
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->zone_of(name) || impl_->failures.contains(name)) known = impl_->answer(name, type, outside);
  }
  if (known && !outside) return done(std::move(*known));
  if (impl_->next) {
    // An alias that leads out of our zones proves nothing: the answer is no more secure than they are.
    const bool secure = !outside || (*known)->secure;
    Callback pass = [done = std::move(done), secure](Result<Answer> answer) {
      if (answer && !secure) answer->secure = false;
      done(std::move(answer));
    };
    return impl_->next->query(outside ? *outside : std::move(name), type, std::move(pass));
  }
  Answer unknown;
  unknown.status = Answer::Status::kNxDomain;
  unknown.canonical = outside ? *outside : name;
  done(unknown);
}

void ZoneResolver::fail(std::string name, Code code) {
  std::lock_guard lock(impl_->mutex);
  if (code == Code::kInternal)
    impl_->failures.erase(text::lowered(name));
  else
    impl_->failures[text::lowered(name)] = code;
}

Result<void> ZoneResolver::load(std::string_view origin_text, std::string_view text, bool secure) {
  std::string origin = text::lowered(origin_text);
  if (!origin.empty() && origin.back() == '.') origin.pop_back();
  const std::string zone = origin;
  const auto entries = tokenize(text);
  if (!entries) return entries.error();
  if (entries->size() > kMaxRecords) return Error{Code::kLimit, "the zone " + zone + " has too many records"};

  const auto absolute = [&](const std::string& word) {
    std::string name = text::lowered(word);
    if (name == "@") return origin;
    const bool whole = name.ends_with('.');
    if (whole) name.pop_back();
    if (!text::is_ascii(name))
      name = to_ascii(name).ok() ? *to_ascii(name) : name;  // U-labels may be written as they are
    return whole || origin.empty() ? name : name + "." + origin;
  };
  const auto within = [&](const std::string& name) {
    return zone.empty() || name == zone || name.ends_with("." + zone);
  };
  std::map<std::string, Impl::Node> loaded;
  std::string owner = origin;
  uint32_t default_ttl = 3600;
  for (const EntryLine& entry : *entries) {
    const auto bad = [&](const std::string& why) {
      return Error{Code::kInvalid, "zone " + zone + " line " + std::to_string(entry.line) + ": " + why};
    };
    size_t at = 0;
    const auto& words = entry.words;
    if (!words[0].quoted && words[0].text == "$ORIGIN") {
      if (words.size() != 2) return bad("$ORIGIN wants a name");
      origin = absolute(words[1].text);
      continue;
    }
    if (!words[0].quoted && words[0].text == "$TTL") {
      const auto ttl = words.size() == 2 ? text::parse_u64(words[1].text) : std::nullopt;
      if (!ttl || *ttl > INT32_MAX) return bad("$TTL wants seconds");
      default_ttl = static_cast<uint32_t>(*ttl);
      continue;
    }
    if (!entry.starts_blank) owner = absolute(words[at++].text);
    if (!within(owner)) return bad(owner + " is not in this zone");
    Record record;
    record.ttl = default_ttl;
    for (; at < words.size(); ++at) {  // TTL and class in either order
      if (const auto ttl = text::parse_u64(words[at].text); ttl && *ttl <= INT32_MAX)
        record.ttl = static_cast<uint32_t>(*ttl);
      else if (!text::iequals(words[at].text, "IN"))
        break;
    }
    if (at >= words.size()) return bad("a type is missing");
    if (text::iequals(words[at].text, "SOA")) continue;
    const auto type = type_of(words[at].text);
    if (!type) return bad(words[at].text + " is not a type that is known here");
    record.type = *type;
    const size_t data = ++at, given = words.size() - data;
    if (given == 0) return bad("the data is missing");
    switch (*type) {
      case Type::kMx: {
        const auto preference = text::parse_u64(words[data].text);
        if (given != 2 || !preference || *preference > 65535) return bad("MX wants a preference and a host");
        record.preference = static_cast<uint16_t>(*preference);
        record.data = words[data + 1].text == "." ? "" : absolute(words[data + 1].text);  // RFC 7505: the null MX
        break;
      }
      case Type::kSrv: {  // RFC 2782
        uint16_t* const numbers[] = {&record.preference, &record.weight, &record.port};
        if (given != 4) return bad("SRV wants priority, weight, port and a host");
        for (size_t i = 0; i < 3; ++i) {
          const auto number = text::parse_u64(words[data + i].text);
          if (!number || *number > 65535) return bad("SRV wants priority, weight, port and a host");
          *numbers[i] = static_cast<uint16_t>(*number);
        }
        record.data = words[data + 3].text == "." ? "" : absolute(words[data + 3].text);  // ".": not offered here
        break;
      }
      case Type::kNs:
      case Type::kCname:
      case Type::kPtr:
        if (given != 1) return bad("one name is wanted");
        record.data = absolute(words[data].text);
        break;
      case Type::kTxt:
        for (size_t i = data; i < words.size(); ++i) record.data += words[i].text;
        break;
      case Type::kTlsa: {
        std::string raw;
        for (size_t i = data; i < data + 3 && i < words.size(); ++i) {
          const auto octet = text::parse_u64(words[i].text);
          if (!octet || *octet > 255) return bad("TLSA wants three numbers and hex");
          raw += static_cast<char>(*octet);
        }
        std::string digits;
        for (size_t i = data + 3; i < words.size(); ++i) digits += words[i].text;
        const auto hash = text::unhex(digits);
        if (raw.size() != 3 || !hash || hash->empty()) return bad("TLSA wants three numbers and hex");
        record.data = raw + *hash;
        break;
      }
      case Type::kA:
      case Type::kAaaa: {
        const int family = *type == Type::kAaaa ? AF_INET6 : AF_INET;
        char raw[16], shortest[INET6_ADDRSTRLEN] = {};
        if (given != 1 || inet_pton(family, words[data].text.c_str(), raw) != 1)
          return bad(words[data].text + " is not an address");
        record.data = inet_ntop(family, raw, shortest, sizeof shortest);
        break;
      }
      case Type::kCaa: {  // RFC 8659 §4.1
        const auto flags = text::parse_u64(words[data].text);
        if (given != 3 || !flags || *flags > 255 || words[data + 1].text.empty() || words[data + 1].text.size() > 255)
          return bad("CAA wants flags, a tag and a value");
        const std::string& tag = words[data + 1].text;
        record.data =
            std::string(1, static_cast<char>(*flags)) + static_cast<char>(tag.size()) + tag + words[data + 2].text;
        break;
      }
    }
    loaded[owner].records[*type].push_back(std::move(record));
  }
  for (const auto& [name, node] : loaded)  // RFC 1034 §3.6.2
    if (const auto alias = node.records.find(Type::kCname);
        alias != node.records.end() && (node.records.size() > 1 || alias->second.size() > 1))
      return Error{Code::kInvalid, "zone " + zone + ": " + name + " has a CNAME, so it can have nothing else"};
  std::lock_guard lock(impl_->mutex);
  impl_->replace(zone, secure, std::move(loaded));
  return {};
}

}  // namespace pabal::dns
