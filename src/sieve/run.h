// The state of a running script, and the functions that each command and test has. Inside of the room.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sieve/letter.h"
#include "sieve/program.h"
#include "sieve/regex.h"

namespace pabal::sieve {

// What follows a command.
enum class Flow : uint8_t { kNext, kStop, kReturn, kBreak };

using Parts = std::vector<const message::Part*>;

// Variables of one script; an included one has its own (RFC 6609 §3.4).
struct Frame {
  std::string script;  // name of the included script; "": the one that was run
  bool global_place = false;
  std::map<std::string, std::string> variables;
  std::set<std::string> globals;      // names that mean the shared variable
  std::vector<std::string> captures;  // ${0}, ${1}...
};

class Run {
 public:
  Run(const Input& input, Host& host, const Limits& limits);

  Outcome carry_out(const Program& program);

  // --- control ---
  Flow block(const std::vector<Node>& nodes);
  bool test(const Node& node);

  // Counts work. False when the limit is reached: then the run has failed.
  bool step(uint64_t count = 1);
  bool step_octets(size_t octets) { return step(1 + octets / 4096); }   // that are looked at
  bool step_decoded(size_t octets) { return step(1 + octets / 1024); }  // that a transfer encoding is taken from
  bool step_parsed(size_t octets) { return step(1 + octets / 64); }     // of structured fields, encoded words, HTML
  // Ends the script with an error at the node at hand. Later calls change nothing.
  void fail(std::string message);
  bool failed() const { return error_.has_value(); }

  // --- arguments ---
  std::string text(const Text& text);             // variables expanded
  std::string text(const Node& node, Slot slot);  // its first string; "" when not given
  std::vector<std::string> texts(const Node& node, Slot slot);

  // --- variables ---
  std::string variable(const std::string& space, const std::string& name);  // "" when there is none
  void set_variable(std::string_view name, std::string value);              // cut at the limit
  std::string modified(const Node& node, std::string value);                // tags of "set" applied
  void set_captures(const std::vector<std::string_view>& captures);

  // --- actions ---
  void act(decltype(Action::what) what);
  void cancel_keep() { keep_cancelled_ = true; }
  bool at_delivery(std::string_view name);  // RFC 6785 §3.11, §4.6: `name` has no place elsewhere; false: failed
  FlagList flags_for(const Node& node);     // :flags, or those of the internal variable
  Target target(const Node& node, Slot mailbox);
  std::optional<Fcc> fcc(const Node& node);

  // --- regular expressions, kept for the run; null: the run has failed ---
  std::shared_ptr<Regex> regex(const std::string& pattern, bool ignore_case);

  // What commands and tests know of each other.
  const Input& input;
  Host& host;
  const Limits& limits;
  Letter letter;
  uint64_t regex_ticks;
  std::vector<Frame> frames;
  std::map<std::string, std::string> globals;
  std::vector<std::string> flags;       // RFC 5232 §2: the internal variable
  const message::Part* part = nullptr;  // of the innermost foreverypart; null: outside
  size_t loops = 0;
  std::string broken_loop;         // the loop that a kBreak is on its way to; "": the innermost
  std::set<std::string> included;  // scripts that were included, "p/name" or "g/name"
  size_t includes = 0;
  size_t edits = 0;
  std::map<std::string, std::pair<std::chrono::seconds, bool>> duplicates;  // id: lifetime, record it
  std::optional<std::vector<std::string>> body_texts;                       // of the body test, decoded once

 private:
  Flow command(const Node& node);
  void finish(Outcome& out);

  uint64_t steps_;
  size_t variable_octets_ = 0;
  uint32_t line_ = 0;
  std::optional<Fault> error_;
  std::string error_script_;
  std::vector<Action> actions_;
  bool keep_cancelled_ = false;
  size_t versions_ = 0;  // of the message in actions_
  std::unordered_map<std::string, std::shared_ptr<Regex>> regexes_;
};

// Fields of the parts that a test with :mime and :anychild looks at; of the message without.
std::vector<std::string_view> field_values(Run& run, const Node& node, std::string_view name);
// The one that :index and :last choose, or all.
std::vector<std::string_view> indexed(const Node& node, std::vector<std::string_view> values);
// `part` and all parts in it, outer ones first.
Parts parts_of(const message::Part& part);

// Tests and commands, by room file.
bool test_address(Run&, const Node&);  // run_header.cc
bool test_envelope(Run&, const Node&);
bool test_exists(Run&, const Node&);
bool test_header(Run&, const Node&);
bool test_size(Run&, const Node&);
bool test_date(Run&, const Node&);
bool test_current_date(Run&, const Node&);
bool test_body(Run&, const Node&);    // run_body.cc
bool test_string(Run&, const Node&);  // run_variables.cc
bool test_has_flag(Run&, const Node&);
bool test_environment(Run&, const Node&);  // run_world.cc
bool test_ihave(Run&, const Node&);
bool test_duplicate(Run&, const Node&);
bool test_mailbox_exists(Run&, const Node&);
bool test_metadata(Run&, const Node&);
bool test_metadata_exists(Run&, const Node&);
bool test_mailbox_id_exists(Run&, const Node&);
bool test_special_use_exists(Run&, const Node&);
bool test_spam(Run&, const Node&);
bool test_virus(Run&, const Node&);
bool test_valid_notify_method(Run&, const Node&);
bool test_notify_capability(Run&, const Node&);
bool test_valid_ext_list(Run&, const Node&);
bool test_query(Run&, const Node&);

Flow keep(Run&, const Node&);  // run_actions.cc
Flow discard(Run&, const Node&);
Flow redirect(Run&, const Node&);
Flow file_into(Run&, const Node&);
Flow reject(Run&, const Node&);
Flow vacation(Run&, const Node&);
Flow notify(Run&, const Node&);
Flow set(Run&, const Node&);  // run_variables.cc
Flow change_flags(Run&, const Node&);
Flow declare_global(Run&, const Node&);
Flow add_header(Run&, const Node&);  // run_edit.cc
Flow delete_header(Run&, const Node&);
Flow replace(Run&, const Node&);
Flow enclose(Run&, const Node&);
Flow include(Run&, const Node&);  // run_control.cc
Flow for_every_part(Run&, const Node&);
Flow break_loop(Run&, const Node&);
Flow extract_text(Run&, const Node&);

}  // namespace pabal::sieve
