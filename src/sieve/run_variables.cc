// RFC 5229 variables and RFC 5232 flags.
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "base/text.h"
#include "message/decode.h"
#include "message/words.h"
#include "sieve/match.h"

namespace pabal::sieve {
namespace {

// The first `count` characters in the other case.
std::string in_case(std::string_view value, Case wanted, size_t count) {
  std::string out;
  const auto* octets = reinterpret_cast<const uint8_t*>(value.data());
  size_t at = 0;
  for (; at < value.size() && count > 0; --count) {
    const size_t begin = at;
    UChar32 c;
    U8_NEXT(octets, at, value.size(), c);
    if (c < 0)
      out += value.substr(begin, at - begin);
    else
      message::append_utf8(out, static_cast<char32_t>(wanted == kUpper ? u_toupper(c) : u_tolower(c)));
  }
  return out.append(value.substr(at));
}

std::string with_backslashes(std::string_view value, std::string_view special) {
  std::string out;
  for (char c : value) {
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out;
}

// RFC 3986 §2.1 and §2.3
std::string url_encoded(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (text::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
      out += c;
    else
      out += '%' + text::uppered(text::hex(std::string_view(&c, 1)));
  }
  return out;
}

size_t characters(std::string_view value) {
  return static_cast<size_t>(std::count_if(value.begin(), value.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

// RFC 5229 §4.1: by precedence, 40 first.
std::string Run::modified(const Node& node, std::string value) {
  constexpr size_t kWhole = ~size_t{0};
  if (node.has(Slot::kCase)) value = in_case(value, static_cast<Case>(node.choice(Slot::kCase, kLower)), kWhole);
  if (node.has(Slot::kFirstCase)) value = in_case(value, static_cast<Case>(node.choice(Slot::kFirstCase, kLower)), 1);
  if (const Operand* quote = node.find(Slot::kQuote))
    value = with_backslashes(value, quote->choice == kWildcard ? "*?\\" : "\\^$.[]|()?*+{}");
  if (node.has(Slot::kEncodeUrl)) value = url_encoded(value);  // RFC 5435 §7
  if (node.has(Slot::kLength)) value = std::to_string(characters(value));
  return value;
}

Flow set(Run& run, const Node& node) {
  run.set_variable(run.text(node, Slot::kVariable), run.modified(node, run.text(node, Slot::kValue)));
  return Flow::kNext;
}

// RFC 6609 §3.4.1
Flow declare_global(Run& run, const Node& node) {
  for (const std::string& name : run.texts(node, Slot::kVariable)) {
    const std::string lower = text::lowered(name);
    if (run.frames.back().variables.contains(lower))
      run.fail("the variable \"" + text::printable(name) +
               "\" was set before it was declared global; declare it first");
    run.frames.back().globals.insert(lower);
    if (run.frames.back().globals.size() > run.limits.variables) run.fail("the script declares too many variables");
  }
  return Flow::kNext;
}

// RFC 5229 §5
bool test_string(Run& run, const Node& node) {
  Matching matching(run, node);
  for (const std::string& source : run.texts(node, Slot::kSource)) {
    // §5: :count counts texts that are not empty.
    if (source.empty() && node.choice(Slot::kMatch, kIs) == kCount) continue;
    if (matching.add(source)) return true;
  }
  return matching.finish();
}

// RFC 5232 §3
Flow change_flags(Run& run, const Node& node) {
  const bool named = node.has(Slot::kVariable);
  const std::string name = run.text(node, Slot::kVariable);
  std::vector<std::string> now = run.flags;
  if (named) {
    const std::string lower = text::lowered(name);
    now = flag_list({lower.starts_with("global.") ? run.variable("global", lower.substr(7)) : run.variable("", lower)});
  }
  const std::vector<std::string> given = flag_list(run.texts(node, Slot::kFlags));
  if (node.op == Op::kSetFlag) {
    now = given;
  } else if (node.op == Op::kAddFlag) {
    now.insert(now.end(), given.begin(), given.end());
    now = flag_list(now);
  } else {
    std::erase_if(now, [&](const std::string& flag) {
      return std::any_of(given.begin(), given.end(), [&](const std::string& g) { return text::iequals(g, flag); });
    });
  }
  if (named)
    run.set_variable(name, text::join(now, " "));
  else
    run.flags = now;
  return Flow::kNext;
}

// RFC 5232 §4. Each flag of the variables is compared; keys may hold several as well.
bool test_has_flag(Run& run, const Node& node) {
  std::vector<std::string> flags = run.flags;
  if (node.has(Slot::kVariable)) {
    std::vector<std::string> values;
    for (const std::string& name : run.texts(node, Slot::kVariable)) {
      const std::string lower = text::lowered(name);
      values.push_back(lower.starts_with("global.") ? run.variable("global", lower.substr(7))
                                                    : run.variable("", lower));
    }
    flags = flag_list(values);
  }
  const uint8_t match = node.choice(Slot::kMatch, kIs);
  Node split = node;
  if (match == kIs || match == kContains) {
    for (Operand& operand : split.operands) {
      if (operand.slot != Slot::kKeys) continue;
      std::vector<Text> words;
      for (const Text& key : operand.strings) {
        const std::string expanded = run.text(key);
        for (const std::string_view word : text::split(expanded, ' '))
          if (!word.empty()) words.push_back({std::string(word), false});
      }
      operand.strings = std::move(words);
    }
  }
  Matching matching(run, split);
  for (const std::string& flag : flags)
    if (matching.add(flag)) return true;
  return matching.finish();
}

}  // namespace pabal::sieve
