// Tests of what is outside of the message: they ask the host.
#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "message/words.h"
#include "sieve/match.h"

namespace pabal::sieve {
namespace {

constexpr std::chrono::seconds kDuplicateLifetime{7 * 86'400};  // RFC 7352 §3.3
constexpr std::chrono::seconds kMaxDuplicateLifetime{90 * 86'400};

bool each(Run& run, const Node& node, Slot slot, const std::function<bool(const std::string&)>& holds_for) {
  for (const std::string& one : run.texts(node, slot))
    if (!run.step() || !holds_for(one)) return false;
  return !run.failed();
}

bool match_value(Run& run, const Node& node, const std::optional<std::string>& value) {
  Matching matching(run, node);
  if (value && matching.add(*value)) return true;
  return matching.finish();
}

}  // namespace

// RFC 5183
bool test_environment(Run& run, const Node& node) {
  const auto value = run.host.environment(text::lowered(run.text(node, Slot::kEntry)));
  return value && match_value(run, node, value);
}

// RFC 5463. What cannot be asked for by ihave was refused by the compiler where it is used.
bool test_ihave(Run& run, const Node& node) {
  return each(run, node, Slot::kCapabilities, [](const std::string& name) {
    const ExtensionRow* row = find_extension(name);
    return row && row->in_ihave;
  });
}

// RFC 7352
bool test_duplicate(Run& run, const Node& node) {
  std::string value;
  const Operand* source = node.find(Slot::kUniqueId);
  if (source && source->choice == 1) {
    value = run.text(node, Slot::kUniqueId);
  } else {
    const auto found = field_values(run, node, source ? run.text(node, Slot::kUniqueId) : "Message-ID");
    if (found.empty() || !run.step_parsed(found.front().size())) return false;
    value = text::trim(message::decode_words(found.front()));
  }
  const uint64_t given = node.number(Slot::kInterval, static_cast<uint64_t>(kDuplicateLifetime.count()));
  if (given == 0 || run.failed()) return false;
  const std::chrono::seconds lifetime(std::min<uint64_t>(given, kMaxDuplicateLifetime.count()));
  Encoder key;
  key.boolean(node.has(Slot::kHandle)).string(run.text(node, Slot::kHandle)).string(value);
  const std::string id = text::hex(sha256(key.view()));
  const bool seen = run.host.duplicate(id);
  // §3.3: a new id is remembered; one that was seen lives anew with :last.
  run.duplicates[id] = {lifetime, !seen || node.has(Slot::kLast)};
  if (run.duplicates.size() > run.limits.actions) run.fail("the script asks for too many duplicates");
  return seen;
}

// RFC 5490 §3.1
bool test_mailbox_exists(Run& run, const Node& node) {
  return each(run, node, Slot::kMailbox, [&](const std::string& name) { return run.host.mailbox_exists(name); });
}

// RFC 5490 §3.3 and §4.1; servermetadata has no mailbox.
bool test_metadata(Run& run, const Node& node) {
  const auto value = run.host.metadata(run.text(node, Slot::kMailbox), run.text(node, Slot::kEntry));
  return value && match_value(run, node, value);
}

bool test_metadata_exists(Run& run, const Node& node) {
  const std::string mailbox = run.text(node, Slot::kMailbox);
  return each(run, node, Slot::kEntry,
              [&](const std::string& entry) { return run.host.metadata(mailbox, entry).has_value(); });
}

// RFC 9042 §4
bool test_mailbox_id_exists(Run& run, const Node& node) {
  return each(run, node, Slot::kMailboxId, [&](const std::string& id) { return run.host.mailbox_id_exists(id); });
}

// RFC 8579 §3
bool test_special_use_exists(Run& run, const Node& node) {
  const std::string mailbox = run.text(node, Slot::kMailbox);
  return each(run, node, Slot::kUses,
              [&](const std::string& use) { return run.host.special_use_exists(mailbox, use); });
}

// RFC 5235 §3.2: 0 is not tested, 1 to 10 (or 0 to 100 with :percent) from clean to spam.
bool test_spam(Run& run, const Node& node) {
  const auto percent = run.host.spam_percent();
  Matching matching(run, node);
  if (!percent) {
    if (node.choice(Slot::kMatch, kIs) != kCount && matching.add("0")) return true;
    return matching.finish();
  }
  const int score = std::clamp(*percent, 0, 100);
  if (matching.add(std::to_string(node.has(Slot::kPercent) ? score : 1 + score * 9 / 100))) return true;
  return matching.finish();
}

// RFC 5235 §3.3: 0 is not tested, 1 to 5 from clean to certain.
bool test_virus(Run& run, const Node& node) {
  const auto level = run.host.virus_level();
  return match_value(run, node, std::to_string(level ? std::clamp(*level, 1, 5) : 0));
}

// RFC 5435 §4
bool test_valid_notify_method(Run& run, const Node& node) {
  return each(run, node, Slot::kMethod, [](const std::string& uri) { return parse_mailto(uri).has_value(); });
}

// RFC 5435 §5; RFC 5436 §2.2: whether the reader of a mail is there is not known.
bool test_notify_capability(Run& run, const Node& node) {
  const std::string uri = run.text(node, Slot::kMethod), capability = text::lowered(run.text(node, Slot::kEntry));
  if (!parse_mailto(uri)) return false;
  auto value = run.host.notify_capability(uri, capability);
  if (!value && capability == "online") value = "maybe";
  return value && match_value(run, node, value);
}

bool test_query(Run& run, const Node& node) {
  if (!run.step_octets(run.letter.bytes().size())) return false;
  const auto holds = run.host.query(run.text(node, Slot::kValue));
  if (!holds) run.fail(holds.error().message);
  return holds && *holds;
}

// RFC 6134 §2.8
bool test_valid_ext_list(Run& run, const Node& node) {
  return each(run, node, Slot::kList, [&](const std::string& list) { return run.host.list_known(list); });
}

}  // namespace pabal::sieve
