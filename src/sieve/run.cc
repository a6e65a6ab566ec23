#include "sieve/run.h"

#include <algorithm>

#include "base/text.h"
#include "message/words.h"
#include "sieve/values.h"

namespace pabal::sieve {
namespace {

constexpr size_t kMaxExpanded = 256 << 10;  // octets of a text with its variables; longer ones are cut
constexpr size_t kMaxRegexes = 64;          // kept at once

// Commands that decide what becomes of the message: without them it is discarded.
bool delivers(const Action& action) {
  return std::holds_alternative<Keep>(action.what) || std::holds_alternative<FileInto>(action.what) ||
         std::holds_alternative<Redirect>(action.what) || std::holds_alternative<Reject>(action.what);
}

void add_flags(FlagList& to, const FlagList& from) {
  FlagList all = to;
  all.insert(all.end(), from.begin(), from.end());
  to = flag_list(all);
}

// RFC 5228 §2.10.3: the same delivery asked for twice is made once. True: `next` is in `action` now.
bool merge(Action& action, const Action& next) {
  if (action.message != next.message) return false;
  if (auto* keep = std::get_if<Keep>(&action.what)) {
    const auto* other = std::get_if<Keep>(&next.what);
    if (other) add_flags(keep->flags, other->flags);
    return other != nullptr;
  }
  if (auto* file = std::get_if<FileInto>(&action.what)) {
    const auto* other = std::get_if<FileInto>(&next.what);
    if (!other || !(other->target == file->target)) return false;
    add_flags(file->flags, other->flags);
    return true;
  }
  if (const auto* redirect = std::get_if<Redirect>(&action.what)) {
    const auto* other = std::get_if<Redirect>(&next.what);
    return other && text::iequals(other->address, redirect->address) && other->list == redirect->list;
  }
  return false;
}

}  // namespace

Run::Run(const Input& in, Host& h, const Limits& l)
    : input(in), host(h), limits(l), letter(in.bytes, in.message), regex_ticks(l.regex_ticks), steps_(l.steps) {
  frames.emplace_back();
  flags = in.flags;
}

Outcome Run::carry_out(const Program& program) {
  const Flow flow = block(program.nodes);
  Outcome out;
  out.stopped = flow == Flow::kStop;
  out.flags = flags;
  if (!failed()) finish(out);
  if (failed()) {
    // RFC 5228 §2.10.6: the message is kept as it came; what the script has done so far was not carried out.
    out.actions.assign(1, Action{Keep{{}, true}, nullptr, 0});
    out.error = error_;
    out.stopped = false;
    out.error_script = error_script_;
  }
  return out;
}

void Run::finish(Outcome& out) {
  letter.settle();
  line_ = 0;
  if (!keep_cancelled_) {
    const bool kept = std::any_of(actions_.begin(), actions_.end(),
                                  [](const Action& a) { return std::holds_alternative<Keep>(a.what); });
    if (!kept) act(Keep{flags, true});
  }
  if (std::none_of(actions_.begin(), actions_.end(), delivers)) act(Discard{});
  for (const auto& [id, record] : duplicates)
    if (record.second) act(RecordDuplicate{id, record.first});
  out.actions = std::move(actions_);
}

bool Run::step(uint64_t count) {
  if (failed()) return false;
  if (steps_ < count) {
    steps_ = 0;
    fail("the script takes too long for this message; it has too much to compare");
    return false;
  }
  steps_ -= count;
  return true;
}

void Run::fail(std::string message) {
  if (failed()) return;
  error_ = Fault{line_, 0, std::move(message)};
  error_script_ = frames.back().script;
}

Flow Run::block(const std::vector<Node>& nodes) {
  bool taken = false;  // a block of the if chain at hand has run
  for (const Node& node : nodes) {
    line_ = node.line;
    if (!step()) return Flow::kStop;
    Flow flow = Flow::kNext;
    const bool chained = node.op == Op::kElsif || node.op == Op::kElse;
    if (node.op == Op::kIf || chained) {
      if (!chained) taken = false;
      if (taken) continue;
      taken = node.op == Op::kElse || (!node.tests.empty() && test(node.tests[0]));
      if (failed()) return Flow::kStop;
      if (taken) flow = block(node.block);
    } else {
      flow = command(node);
    }
    if (failed()) return Flow::kStop;
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Flow Run::command(const Node& node) {
  switch (node.op) {
    case Op::kStop:
      return Flow::kStop;
    case Op::kReturn:
      return Flow::kReturn;
    case Op::kKeep:
      return keep(*this, node);
    case Op::kDiscard:
      return discard(*this, node);
    case Op::kRedirect:
      return redirect(*this, node);
    case Op::kFileInto:
      return file_into(*this, node);
    case Op::kReject:
    case Op::kEreject:
      return reject(*this, node);
    case Op::kSet:
      return set(*this, node);
    case Op::kSetFlag:
    case Op::kAddFlag:
    case Op::kRemoveFlag:
      return change_flags(*this, node);
    case Op::kVacation:
      return vacation(*this, node);
    case Op::kNotify:
      return notify(*this, node);
    case Op::kAddHeader:
      return add_header(*this, node);
    case Op::kDeleteHeader:
      return delete_header(*this, node);
    case Op::kInclude:
      return include(*this, node);
    case Op::kGlobal:
      return declare_global(*this, node);
    case Op::kForEveryPart:
      return for_every_part(*this, node);
    case Op::kBreak:
      return break_loop(*this, node);
    case Op::kReplace:
      return replace(*this, node);
    case Op::kEnclose:
      return enclose(*this, node);
    case Op::kExtractText:
      return extract_text(*this, node);
    case Op::kError:
      fail("the script says: " + text(node, Slot::kMessage));
      return Flow::kStop;
    case Op::kFailure:
      fail(text(node, Slot::kMessage));
      return Flow::kStop;
    default:
      fail("the program is damaged; save the script again");
      return Flow::kStop;
  }
}

bool Run::test(const Node& node) {
  line_ = node.line;
  if (!step()) return false;
  switch (node.op) {
    case Op::kTrue:
      return true;
    case Op::kFalse:
      return false;
    case Op::kNot: {
      const bool inner = !node.tests.empty() && test(node.tests[0]);
      return !inner && !failed();
    }
    case Op::kAllOf:
      for (const Node& one : node.tests)
        if (!test(one)) return false;
      return true;
    case Op::kAnyOf:
      for (const Node& one : node.tests)
        if (test(one)) return true;
      return false;
    case Op::kAddress:
      return test_address(*this, node);
    case Op::kEnvelope:
      return test_envelope(*this, node);
    case Op::kExists:
      return test_exists(*this, node);
    case Op::kHeader:
      return test_header(*this, node);
    case Op::kSize:
      return test_size(*this, node);
    case Op::kBody:
      return test_body(*this, node);
    case Op::kString:
      return test_string(*this, node);
    case Op::kHasFlag:
      return test_has_flag(*this, node);
    case Op::kDate:
      return test_date(*this, node);
    case Op::kCurrentDate:
      return test_current_date(*this, node);
    case Op::kEnvironment:
      return test_environment(*this, node);
    case Op::kIhave:
      return test_ihave(*this, node);
    case Op::kDuplicate:
      return test_duplicate(*this, node);
    case Op::kMailboxExists:
      return test_mailbox_exists(*this, node);
    case Op::kMetadata:
    case Op::kServerMetadata:
      return test_metadata(*this, node);
    case Op::kMetadataExists:
    case Op::kServerMetadataExists:
      return test_metadata_exists(*this, node);
    case Op::kMailboxIdExists:
      return test_mailbox_id_exists(*this, node);
    case Op::kSpecialUseExists:
      return test_special_use_exists(*this, node);
    case Op::kSpamTest:
      return test_spam(*this, node);
    case Op::kVirusTest:
      return test_virus(*this, node);
    case Op::kValidNotifyMethod:
      return test_valid_notify_method(*this, node);
    case Op::kNotifyMethodCapability:
      return test_notify_capability(*this, node);
    case Op::kValidExtList:
      return test_valid_ext_list(*this, node);
    case Op::kQuery:
      return test_query(*this, node);
    case Op::kFailure:
      fail(text(node, Slot::kMessage));
      return false;
    default:
      fail("the program is damaged; save the script again");
      return false;
  }
}

std::string Run::text(const Text& text) {
  if (!text.expand) return text.text;
  std::string out;
  size_t done = 0;
  for (auto r = next_reference(text.text, 0); r && out.size() < kMaxExpanded; r = next_reference(text.text, done)) {
    out.append(text.text, done, r->begin - done);
    done = r->end;
    if (!r->name.empty()) {
      out += variable(r->space, r->name);
    } else if (const auto& captures = frames.back().captures; r->number < captures.size()) {
      out += captures[r->number];
    }
  }
  out.append(text.text, done);
  out.resize(message::utf8_prefix(out, kMaxExpanded).size());
  step_octets(out.size());
  return out;
}

std::string Run::text(const Node& node, Slot slot) {
  const Operand* operand = node.find(slot);
  return operand && !operand->strings.empty() ? text(operand->strings[0]) : std::string();
}

std::vector<std::string> Run::texts(const Node& node, Slot slot) {
  std::vector<std::string> out;
  const Operand* operand = node.find(slot);
  if (!operand) return out;
  for (const Text& one : operand->strings) {
    if (failed()) return {};
    out.push_back(text(one));
  }
  return out;
}

bool Run::at_delivery(std::string_view name) {
  if (input.imap_event)
    fail("\"" + std::string(name) + "\" is for mail that is being delivered; it cannot be used in events of IMAP");
  return !failed();
}

void Run::set_captures(const std::vector<std::string_view>& captures) {
  std::vector<std::string>& kept = frames.back().captures;
  kept.clear();
  // A pattern may hold thousands of wildcards; RFC 5229 §6 asks for nine.
  for (size_t i = 0; i < captures.size() && i < 100; ++i)
    kept.emplace_back(message::utf8_prefix(captures[i], limits.variable_octets));
}

std::string Run::variable(const std::string& space, const std::string& name) {
  const bool shared = space == "global" || frames.back().globals.contains(name);
  const auto& from = shared ? globals : frames.back().variables;
  const auto found = from.find(name);
  return found == from.end() ? std::string() : found->second;
}

void Run::set_variable(std::string_view given, std::string value) {
  std::string name = text::lowered(given);
  const bool spaced = name.starts_with("global.");
  if (spaced) name.erase(0, 7);
  auto& into = spaced || frames.back().globals.contains(name) ? globals : frames.back().variables;
  value.resize(message::utf8_prefix(value, limits.variable_octets).size());
  std::string& slot = into[name];
  variable_octets_ += value.size();
  variable_octets_ -= slot.size();
  slot = std::move(value);
  if (into.size() > limits.variables) fail("the script sets too many variables");
  if (variable_octets_ > limits.total_octets) fail("the script's variables hold too much; shorten them");
}

void Run::act(decltype(Action::what) what) {
  Action action{std::move(what), letter.snapshot(), line_};
  if (action.message && (actions_.empty() || actions_.back().message != action.message)) {
    if (!step_octets(action.message->size())) return;
    if (++versions_ > limits.versions) return fail("the script edits the message too often between its actions");
  }
  for (Action& before : actions_)
    if (merge(before, action)) return;
  if (actions_.size() >= limits.actions)
    return fail("the script does too much with this message; it has too many actions");
  const auto is_redirect = [](const Action& a) { return std::holds_alternative<Redirect>(a.what); };
  if (is_redirect(action) &&
      std::count_if(actions_.begin(), actions_.end(), is_redirect) >= static_cast<std::ptrdiff_t>(limits.redirects))
    return fail("the script redirects to too many addresses; the most is " + std::to_string(limits.redirects));
  // RFC 5429 §2.4, RFC 5230 §4.7: a message is refused once, and nothing else is done with it.
  const auto has = [&]<typename T>(const T*) {
    return std::any_of(actions_.begin(), actions_.end(),
                       [](const Action& a) { return std::holds_alternative<T>(a.what); });
  };
  const bool rejected = has(static_cast<const Reject*>(nullptr)), answered = has(static_cast<const Vacation*>(nullptr));
  if (std::holds_alternative<Reject>(action.what)) {
    if (rejected) return fail("a message can be rejected only once");
    if (answered || std::any_of(actions_.begin(), actions_.end(), delivers))
      return fail("a message that is filed, redirected or answered cannot be rejected too");
  } else if (rejected && (delivers(action) || std::holds_alternative<Vacation>(action.what))) {
    return fail("a message that is rejected cannot be filed, redirected or answered too");
  }
  if (answered && std::holds_alternative<Vacation>(action.what)) return fail("\"vacation\" can be done only once");
  actions_.push_back(std::move(action));
}

std::shared_ptr<Regex> Run::regex(const std::string& pattern, bool ignore_case) {
  const std::string key = (ignore_case ? "i" : "c") + pattern;
  const auto found = regexes_.find(key);
  if (found != regexes_.end()) return found->second;
  if (!step(1 + pattern.size() / 16)) return nullptr;
  auto compiled = Regex::compile(pattern, ignore_case);
  if (!compiled) {
    fail(compiled.error().message);
    return nullptr;
  }
  if (regexes_.size() >= kMaxRegexes) regexes_.clear();
  return regexes_[key] = *compiled;
}

Outcome run(const Program& program, const Input& input, Host& host, const Limits& limits) {
  return Run(input, host, limits).carry_out(program);
}

Result<std::shared_ptr<const Program>> Host::script(Location, std::string_view) {
  return {Code::kNotFound, "there is no such script"};
}
bool Host::mailbox_exists(std::string_view) { return false; }
bool Host::mailbox_id_exists(std::string_view) { return false; }
bool Host::special_use_exists(std::string_view, std::string_view) { return false; }
std::optional<std::string> Host::metadata(std::string_view, std::string_view) { return std::nullopt; }
bool Host::list_known(std::string_view) { return false; }
bool Host::in_list(std::string_view, std::string_view) { return false; }
bool Host::duplicate(std::string_view) { return false; }
Result<bool> Host::query(std::string_view) {
  return Error{Code::kInvalid, "nothing can be searched here; \"query\" is for mail that is being delivered"};
}
std::optional<std::string> Host::environment(std::string_view) { return std::nullopt; }
std::optional<int> Host::spam_percent() { return std::nullopt; }
std::optional<int> Host::virus_level() { return std::nullopt; }
std::optional<std::string> Host::notify_capability(std::string_view, std::string_view) { return std::nullopt; }

}  // namespace pabal::sieve
