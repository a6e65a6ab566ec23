// For tests: runs a script over a message and tells what it did as one line.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/text.h"
#include "sieve/sieve.h"

namespace pabal::sieve {

// A world that knows what the test put into it.
class TestHost : public Host {
 public:
  std::map<std::string, std::string> scripts;  // "name" personal, "/name" global
  std::set<std::string> mailboxes = {"INBOX"}, ids, uses, known_lists, list_entries, seen;
  std::map<std::string, std::string> metadata_of, environment_of;
  std::optional<int> spam, virus;
  std::set<std::string> queries;  // that find the message

  Result<std::shared_ptr<const Program>> script(Location location, std::string_view name) override {
    const auto found = scripts.find((location == Location::kGlobal ? "/" : "") + std::string(name));
    if (found == scripts.end()) return {Code::kNotFound, "there is no such script"};
    Compiled compiled = compile(found->second);
    if (!compiled.ok()) return {Code::kInvalid, compiled.faults[0].text()};
    return compiled.program;
  }
  bool mailbox_exists(std::string_view name) override { return mailboxes.contains(std::string(name)); }
  bool mailbox_id_exists(std::string_view id) override { return ids.contains(std::string(id)); }
  bool special_use_exists(std::string_view mailbox, std::string_view use) override {
    return uses.contains(std::string(mailbox) + std::string(use));
  }
  std::optional<std::string> metadata(std::string_view mailbox, std::string_view entry) override {
    return look_up(metadata_of, std::string(mailbox) + std::string(entry));
  }
  bool list_known(std::string_view list) override { return known_lists.contains(std::string(list)); }
  bool in_list(std::string_view list, std::string_view value) override {
    return list_entries.contains(std::string(list) + " " + std::string(value));
  }
  bool duplicate(std::string_view id) override { return seen.contains(std::string(id)); }
  std::optional<std::string> environment(std::string_view item) override {
    return look_up(environment_of, std::string(item));
  }
  Result<bool> query(std::string_view query) override { return queries.contains(std::string(query)); }
  std::optional<int> spam_percent() override { return spam; }
  std::optional<int> virus_level() override { return virus; }

 private:
  static std::optional<std::string> look_up(const std::map<std::string, std::string>& in, const std::string& key) {
    const auto found = in.find(key);
    if (found == in.end()) return std::nullopt;
    return found->second;
  }
};

inline std::string told(const Target& t) {
  return t.mailbox + (t.mailbox_id.empty() ? "" : " id=" + t.mailbox_id) +
         (t.special_use.empty() ? "" : " use=" + t.special_use) + (t.create ? " create" : "");
}
inline std::string told(const FlagList& flags) { return flags.empty() ? "" : " [" + text::join(flags, " ") + "]"; }
inline std::string told(const std::optional<Fcc>& fcc) {
  return fcc ? " fcc=" + told(fcc->target) + told(fcc->flags) : "";
}
inline std::string told(const Keep& a) { return (a.implicit ? "implicit keep" : "keep") + told(a.flags); }
inline std::string told(const FileInto& a) { return "fileinto " + told(a.target) + told(a.flags); }
inline std::string told(const Redirect& a) {
  return "redirect " + a.address + (a.list.empty() ? "" : "list " + a.list) +
         (a.dsn_notify.empty() ? "" : " notify=" + a.dsn_notify) + (a.dsn_ret.empty() ? "" : " ret=" + a.dsn_ret);
}
inline std::string told(const Discard&) { return "discard"; }
inline std::string told(const Reject& a) { return (a.ereject ? "ereject " : "reject ") + a.reason; }
inline std::string told(const Vacation& a) {
  return "vacation " + a.reason + (a.subject.empty() ? "" : " subject=" + a.subject) +
         (a.from.empty() ? "" : " from=" + a.from) + (a.mime ? " mime" : "") +
         (a.interval.count() == 604'800 ? "" : " every " + std::to_string(a.interval.count())) + told(a.fcc);
}
inline std::string told(const Notify& a) {
  return "notify " + a.method + " " + std::to_string(a.importance) + (a.message.empty() ? "" : " " + a.message) +
         told(a.fcc);
}
inline std::string told(const RecordDuplicate& a) { return "record " + std::to_string(a.lifetime.count()); }

inline std::string told(const Outcome& outcome) {
  std::string out;
  for (const Action& action : outcome.actions) {
    if (!out.empty()) out += "; ";
    out += std::visit([](const auto& a) { return told(a); }, action.what);
  }
  if (outcome.error) out += " ERROR " + outcome.error->text();
  return out;
}

// A message as users get them.
inline constexpr std::string_view kLetter =
    "Return-Path: <coyote@desert.example.org>\r\n"
    "Received: from desert.example.org by acme.example.com; Tue, 1 Apr 1997 09:08:10 -0800\r\n"
    "Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\n"
    "From: coyote@desert.example.org\r\n"
    "To: roadrunner@acme.example.com, \"Sales\" <ken+sieve@example.org>\r\n"
    "Cc: undisclosed:;\r\n"
    "Subject: I have a present for you\r\n"
    "Message-ID: <1@desert.example.org>\r\n"
    "X-Score: 17\r\n"
    "X-Twice: first\r\n"
    "X-Twice: second\r\n"
    "\r\n"
    "Look, I'm sorry about the whole anvil thing.\r\n";

struct Ran {
  Outcome outcome;
  std::string faults;  // of compiling, one a line; "": none
  std::string done() const { return faults.empty() ? told(outcome) : "FAULT " + faults; }
};

inline Ran run_script(std::string_view script, std::string_view letter = kLetter, TestHost host = {},
                      const Limits& limits = {}) {
  Ran ran;
  const Compiled compiled = compile(script);
  for (const Fault& fault : compiled.faults) ran.faults += (ran.faults.empty() ? "" : "\n") + fault.text();
  if (!compiled.ok()) return ran;
  Input input;
  input.bytes = letter;
  input.from = "coyote@desert.example.org";
  input.to = "ken+sieve@example.org";
  input.dsn_notify = "SUCCESS,DELAY";
  input.dsn_envid = "QQ";
  input.now = from_unix(1'800'000'000);  // Fri, 15 Jan 2027 08:00:00 UTC
  input.zone = std::chrono::minutes(60);
  // Through octets, as delivery runs it: a program that is kept has to do the same.
  const auto program = decode(encode(*compiled.program));
  if (!program) {
    ran.faults = "the program does not come back from its octets";
    return ran;
  }
  ran.outcome = run(*program, input, host, limits);
  return ran;
}

inline std::string did(std::string_view script, std::string_view letter = kLetter, const TestHost& host = {},
                       const Limits& limits = {}) {
  return run_script(script, letter, host, limits).done();
}

// Whether a test is true, with the requires it needs.
inline std::string holds(std::string_view require, std::string_view test, std::string_view letter = kLetter,
                         const TestHost& host = {}) {
  const std::string done = did("require [\"fileinto\"" + std::string(require.empty() ? "" : ", ") +
                                   std::string(require) + "];\nif " + std::string(test) + " { fileinto \"yes\"; }",
                               letter, host);
  return done.find("fileinto yes") != done.npos                               ? "yes"
         : done.find("implicit keep") == 0 && done.find("ERROR") == done.npos ? "no"
                                                                              : done;
}

}  // namespace pabal::sieve
