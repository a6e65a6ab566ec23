#include "sieve/check.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sieve/collation.h"
#include "sieve/dates.h"
#include "sieve/regex.h"
#include "sieve/values.h"

namespace pabal::sieve {
namespace {

std::string quoted(std::string_view s) { return "\"" + text::printable(s, 60) + "\""; }

// The first string of an argument, when it is constant: only then can it be judged here.
const std::string* constant(const Node& node, Slot slot) {
  const Operand* operand = node.find(slot);
  if (!operand || operand->strings.empty() || operand->strings[0].expand) return nullptr;
  return &operand->strings[0].text;
}

// RFC 5229 §3: these steer the script and have to be known before it runs.
void check_constants(const Checking& c) {
  constexpr std::array kConstant = {Slot::kComparator, Slot::kMatch, Slot::kVariable, Slot::kScript,
                                    Slot::kCapabilities};
  for (const Slot slot : kConstant) {
    const Operand* operand = c.node.find(slot);
    if (!operand) continue;
    for (const Text& text : operand->strings)
      if (text.expand) return c.fault(c.at(slot), "no variable can stand here; write the text itself");
  }
  const bool loop = c.node.op == Op::kForEveryPart || c.node.op == Op::kBreak;
  if (loop && c.node.has(Slot::kName) && !constant(c.node, Slot::kName))
    c.fault(c.at(Slot::kName), "no variable can stand here; write the name of the loop itself");
}

void check_comparator(const Checking& c) {
  Comparator comparator = Comparator::kAsciiCasemap;
  if (const std::string* name = constant(c.node, Slot::kComparator)) {
    const auto known = parse_comparator(*name);
    if (!known)
      return c.fault(c.at(Slot::kComparator), "there is no comparator " + quoted(*name) +
                                                  "; there are i;octet, i;ascii-casemap, i;ascii-numeric and "
                                                  "i;unicode-casemap");
    comparator = *known;
    const bool base = comparator == Comparator::kOctet || comparator == Comparator::kAsciiCasemap;
    const std::string extension = "comparator-" + *name;
    if (!base && !c.enabled(extension))
      return c.fault(c.at(Slot::kComparator), "add " + quoted(extension) + " to the require at the top of the script");
  }
  const uint8_t match = c.node.choice(Slot::kMatch, kIs);
  // RFC 4790 §9.1.1: the numeric one has no substring operation.
  if (comparator == Comparator::kAsciiNumeric && (match == kContains || match == kMatches || match == kRegex))
    c.fault(c.at(Slot::kMatch), "i;ascii-numeric compares whole numbers; use it with :is, :value or :count");
  const std::string* relation = constant(c.node, Slot::kMatch);
  if (relation && !parse_relation(*relation))
    c.fault(c.at(Slot::kMatch),
            "behind :count and :value stands one of \"gt\", \"ge\", \"lt\", \"le\", \"eq\", \"ne\"");
}

void check_patterns(const Checking& c) {
  const Operand* keys = c.node.find(Slot::kKeys);
  if (!keys || c.node.choice(Slot::kMatch, kIs) != kRegex) return;
  for (const Text& key : keys->strings) {
    if (key.expand) continue;
    const auto compiled = Regex::compile(key.text, false);
    if (!compiled) c.fault(c.at(Slot::kKeys), compiled.error().message);
  }
}

void check_headers(const Checking& c) {
  const Operand* names = c.node.find(Slot::kHeaders);
  if (!names || c.node.op == Op::kEnvelope) return;
  for (const Text& name : names->strings) {
    if (name.expand) continue;
    if (c.node.op == Op::kAddress && !is_address_header(name.text))
      c.fault(c.at(Slot::kHeaders), quoted(name.text) + " holds no addresses; compare it with \"header\"");
    else if (!is_header_name(name.text))
      c.warn(c.at(Slot::kHeaders),
             quoted(name.text) + " can be no header field; write its name without colon and blanks");
  }
}

void check_envelope(const Checking& c) {
  const Operand* names = c.node.find(Slot::kHeaders);
  for (const Text& name : names ? names->strings : std::vector<Text>()) {
    if (name.expand) continue;
    const std::string part = text::lowered(name.text);
    if (part == "from" || part == "to" || part == "auth") continue;
    // RFC 6009 §3
    const bool dsn = part == "notify" || part == "orcpt" || part == "ret" || part == "envid";
    if (!dsn)
      c.fault(c.at(Slot::kHeaders),
              "the envelope has no " + quoted(name.text) + "; it has \"from\", \"to\" and \"auth\"");
    else if (!c.enabled("envelope-dsn"))
      c.fault(c.at(Slot::kHeaders), "add \"envelope-dsn\" to the require at the top of the script");
    else if (c.node.has(Slot::kPart))
      c.fault(c.at(Slot::kPart), "a part of an address can only be taken of \"from\", \"to\" and \"auth\"");
  }
}

// Fault when `slot` is given and none of `others` is.
void needs(const Checking& c, Slot slot, std::initializer_list<Slot> others, std::string what) {
  if (!c.node.has(slot)) return;
  for (const Slot other : others)
    if (c.node.has(other)) return;
  c.fault(c.at(slot), std::move(what));
}

void check_tags_together(const Checking& c) {
  const Op op = c.node.op;
  if (c.node.has(Slot::kIndex) && c.node.number(Slot::kIndex, 1) == 0)
    c.fault(c.at(Slot::kIndex), "the first header field has the index 1");
  if (op == Op::kHeader || op == Op::kAddress || op == Op::kDate || op == Op::kDeleteHeader)
    needs(c, Slot::kLast, {Slot::kIndex}, ":last counts an :index from the end; add :index and its number");
  if (op == Op::kHeader || op == Op::kAddress || op == Op::kExists) {
    needs(c, Slot::kAnyChild, {Slot::kMime}, ":anychild goes with :mime; add it");
    needs(c, Slot::kMimePart, {Slot::kMime}, "this tag looks at MIME header fields; add :mime");
  }
  if (op == Op::kVacation || op == Op::kNotify) {
    // RFC 8580 §3: these say how the copy is filed.
    for (const Slot slot : {Slot::kCreate, Slot::kFlags, Slot::kMailboxId, Slot::kSpecialUse})
      needs(c, slot, {Slot::kFcc}, "this tag says how :fcc files its copy; add :fcc");
  }
  if (op == Op::kSize && !c.node.has(Slot::kLimit))
    c.fault(c.statement.at, "\"size\" compares with a number: size :over 100K or size :under 100K");
}

void check_target(const Checking& c) {
  const Slot slot = c.node.op == Op::kFileInto ? Slot::kMailbox : Slot::kFcc;
  const std::string* name = constant(c.node, slot);
  if (name && !is_mailbox_name(*name)) c.fault(c.at(slot), quoted(*name) + " can be no mailbox; write its name");
  const std::string* use = constant(c.node, Slot::kSpecialUse);
  if (use && !use->starts_with('\\'))
    c.fault(c.at(Slot::kSpecialUse), "a special use is one like \"\\\\Junk\", with a backslash (two in a script)");
}

void check_redirect(const Checking& c) {
  const std::string* address = constant(c.node, Slot::kAddresses);
  if (address && !c.node.has(Slot::kList) && !single_address(*address))
    c.fault(c.at(Slot::kAddresses), quoted(*address) + " is no address; write one like bob@example.org");
  // RFC 6009 §4 and RFC 3461 §4.1, §4.3
  if (const std::string* notify = constant(c.node, Slot::kNotify)) {
    const auto words = text::split(*notify, ',');
    for (const std::string_view word : words) {
      const bool never = text::iequals(word, "NEVER");
      const bool other =
          text::iequals(word, "SUCCESS") || text::iequals(word, "FAILURE") || text::iequals(word, "DELAY");
      if (never ? words.size() > 1 : !other)
        c.fault(c.at(Slot::kNotify), ":notify is \"NEVER\", or of \"SUCCESS,FAILURE,DELAY\" one or more");
    }
  }
  const std::string* ret = constant(c.node, Slot::kRet);
  if (ret && !text::iequals(*ret, "FULL") && !text::iequals(*ret, "HDRS"))
    c.fault(c.at(Slot::kRet), ":ret is \"FULL\" or \"HDRS\"");
}

void check_variable_names(const Checking& c) {
  const Operand* names = c.node.find(Slot::kVariable);
  if (!names) return;
  for (const Text& name : names->strings) {
    const std::string lower = text::lowered(name.text);
    const bool global = lower.starts_with("global.") && c.node.op != Op::kGlobal;
    if (!is_identifier(global ? std::string_view(lower).substr(7) : lower))
      c.fault(c.at(Slot::kVariable), quoted(name.text) + " can be no variable; a name has letters, digits and _");
    else if (global && !c.enabled("include"))
      c.fault(c.at(Slot::kVariable),
              "add \"include\" to the require at the top of the script, for variables in global.");
    else if (!c.enabled("variables"))
      c.fault(c.at(Slot::kVariable), "add \"variables\" to the require at the top of the script");
  }
}

void check_date(const Checking& c) {
  const std::string* part = constant(c.node, Slot::kDatePart);
  if (part && !is_date_part(*part))
    c.fault(c.at(Slot::kDatePart), "a date has no part " + quoted(*part) +
                                       "; RFC 5260 names year, month, day, date, "
                                       "julian, hour, minute, second, time, iso8601, std11, zone and weekday");
  const std::string* zone = constant(c.node, Slot::kZone);
  if (zone && !zone->empty() && !parse_zone(*zone)) c.fault(c.at(Slot::kZone), "a zone is one like \"+0100\"");
}

void check_notify(const Checking& c) {
  const std::string* method = constant(c.node, Slot::kMethod);
  if (method && !parse_mailto(*method))
    c.fault(c.at(Slot::kMethod), quoted(*method) + " is no way to notify; write one like \"mailto:bob@example.org\"");
  const std::string* importance = constant(c.node, Slot::kImportance);
  if (importance && *importance != "1" && *importance != "2" && *importance != "3")
    c.fault(c.at(Slot::kImportance), ":importance is \"1\" (high), \"2\" or \"3\" (low)");
}

void check_flags(const Checking& c) {
  const Operand* flags = c.node.find(Slot::kFlags);
  for (const Text& text : flags ? flags->strings : std::vector<Text>()) {
    if (text.expand) continue;
    for (const std::string_view word : text::split(text.text, ' '))
      if (!text::trim(word).empty() && !canonical_flag(text::trim(word)))
        c.warn(c.at(Slot::kFlags), quoted(word) + " is no flag that can be set; it has no effect");
  }
}

}  // namespace

void check_arguments(const Checking& c) {
  check_constants(c);
  check_comparator(c);
  check_patterns(c);
  check_headers(c);
  check_tags_together(c);
  check_flags(c);
  switch (c.node.op) {
    case Op::kEnvelope:
      check_envelope(c);
      break;
    case Op::kFileInto:
      check_target(c);
      break;
    case Op::kNotify:
      check_notify(c);
      check_target(c);
      break;
    case Op::kRedirect:
      check_redirect(c);
      break;
    case Op::kDate:
    case Op::kCurrentDate:
      check_date(c);
      break;
    case Op::kExtractText:
      if (!c.enabled("variables"))  // RFC 5703 §7
        c.fault(c.statement.at, "\"extracttext\" sets a variable; add \"variables\" to the require");
      check_variable_names(c);
      break;
    case Op::kSet:
    case Op::kSetFlag:
    case Op::kAddFlag:
    case Op::kRemoveFlag:
    case Op::kHasFlag:
    case Op::kGlobal:
      check_variable_names(c);
      break;
    case Op::kVacation: {
      check_target(c);
      const std::string* from = constant(c.node, Slot::kFrom);
      if (from && !single_address(*from))
        c.fault(c.at(Slot::kFrom), quoted(*from) + " is no address; write one like \"Bob <bob@example.org>\"");
      break;
    }
    case Op::kAddHeader: {
      const std::string* name = constant(c.node, Slot::kName);
      if (name && !is_header_name(*name))
        c.fault(c.at(Slot::kName), quoted(*name) + " can be no header field; write its name without colon and blanks");
      break;
    }
    default:
      break;
  }
}

}  // namespace pabal::sieve
