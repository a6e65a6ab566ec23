// sieve: the Sieve language (RFC 5228 and its extensions). A script is compiled to a compact program; a program is run
// over one message and gives a list of actions as values. It stores, sends and files nothing and asks the world only
// through Host: who delivers carries the actions out, and when a script fails the message goes to the inbox.
//
//   script --compile()--> Program --run()--> Outcome        encode()/decode(): the program beside its script
//
// Scripts, programs and messages are hostile input: everything has a limit (limits below), nothing throws. Functions
// are pure and thread-safe; a Program never changes and may be shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "message/message.h"

namespace pabal::sieve {

// --- compile ---

inline constexpr size_t kMaxScriptBytes = 1 << 20;   // of a script; Pigeonhole's limit too
inline constexpr size_t kMaxNesting = 32;            // blocks and tests in each other; RFC 5228 §2.10.5 asks for 15
inline constexpr size_t kMaxNodes = 20'000;          // commands and tests of a script
inline constexpr size_t kMaxStringBytes = 64 << 10;  // of one string in a script
inline constexpr size_t kMaxFaults = 20;             // reported for one script

// Every extension `require` accepts, in the order of the alphabet; "comparator-..." ones included. What ManageSieve
// names in its SIEVE capability (RFC 5804 §1.7).
const std::vector<std::string_view>& extensions();
// Methods of `notify` (RFC 5804 §1.7 NOTIFY).
inline constexpr std::string_view kNotifyMethods = "mailto";

struct Fault {
  uint32_t line = 0;         // from 1
  uint32_t column = 0;       // from 1, in characters; 0: of the whole line
  std::string message;       // one sentence that says what to do
  std::string text() const;  // "line 3, column 5: ..."
};

// A compiled script; program.h has its inside.
struct Program;

struct Compiled {
  std::shared_ptr<const Program> program;  // null when there are faults
  std::vector<Fault> faults;               // in the order of the script
  std::vector<Fault> warnings;
  bool ok() const { return program != nullptr; }
};
Compiled compile(std::string_view script);

// The program as octets; the first is the version of the format.
std::string encode(const Program& program);
// Null when the octets are of another version (compile the script again), cut or hostile.
std::shared_ptr<const Program> decode(std::string_view octets);

// --- run ---

struct Limits {
  uint64_t steps = 500'000;    // commands, tests, comparisons, and 4 KiB of text looked at: a second at the very most
  uint64_t regex_ticks = 500;  // of 10,000 backtracks of ICU each: about a second in all
  size_t variable_octets = 16'384;  // longer values are cut; RFC 5229 §6 asks for 4,000 characters
  size_t variables = 512;           // RFC 5229 §6 asks for 128
  size_t total_octets = 4 << 20;    // all variables together
  size_t actions = 64;
  size_t redirects = 5;       // ManageSieve's MAXREDIRECTS
  size_t include_depth = 10;  // RFC 6609 §3.2: at least 3
  size_t includes = 100;      // in one run
  size_t edits = 500;         // of headers and parts
  size_t versions = 8;        // of the message, that actions are about: each is a copy
};

// What is known of the delivery. Views must outlive run().
struct Input {
  std::string_view bytes;                     // the message as it was received
  const message::Message* message = nullptr;  // parse(bytes), with its offsets; null: run() parses
  // The envelope: addresses without brackets; "" is the null sender.
  std::string from;
  std::string to;    // the address the message is delivered to
  std::string auth;  // who authenticated as the sender; "" when nobody
  // RFC 3461 parameters as received, "" when there was none: for envelope-dsn (RFC 6009).
  std::string dsn_notify, dsn_orcpt, dsn_ret, dsn_envid;
  Time now;                      // for currentdate
  std::chrono::minutes zone{0};  // the user's zone, east of UTC, for dates
  // RFC 6785: it runs for an event of IMAP, so that nobody is answered, there is no envelope.
  bool imap_event = false;
  std::vector<std::string> flags;  // the internal variable of imap4flags begins with: the message has them
};

// Answers to a program's questions; a question that cannot be answered (no such feature here) keeps its default. Called
// on the thread of run(). A host that must read a store answers from a snapshot.
class Host {
 public:
  virtual ~Host() = default;

  enum class Location : uint8_t { kPersonal, kGlobal };
  // A script for `include` (RFC 6609), compiled. kNotFound: no such script; other errors end the run.
  virtual Result<std::shared_ptr<const Program>> script(Location location, std::string_view name);

  // Mailboxes: names as the script writes them (UTF-8, '/' between levels); exists means messages can be filed there.
  virtual bool mailbox_exists(std::string_view name);                               // RFC 5490 §3.1
  virtual bool mailbox_id_exists(std::string_view id);                              // RFC 9042 §4
  virtual bool special_use_exists(std::string_view mailbox, std::string_view use);  // RFC 8579 §3; mailbox "": any
  // RFC 5490 §3.3, §4: mailbox "" is the server's. Nothing: no such entry.
  virtual std::optional<std::string> metadata(std::string_view mailbox, std::string_view entry);

  virtual bool list_known(std::string_view list);                       // RFC 6134 §2.8 valid_ext_list
  virtual bool in_list(std::string_view list, std::string_view value);  // RFC 6134 §2.2
  virtual bool duplicate(std::string_view id);                          // RFC 7352: a RecordDuplicate of it is alive
  virtual std::optional<std::string> environment(
      std::string_view item);  // RFC 5183, RFC 6785 §4.1.5; item in lower case
  // vnd.pabal.query, our own: whether a query (mailbox/query.h) finds the message as it was received. An error ends the
  // run.
  virtual Result<bool> query(std::string_view query);
  virtual std::optional<int> spam_percent();  // RFC 5235: 0 ham to 100 spam; nothing: not tested
  virtual std::optional<int> virus_level();   // RFC 5235 §3.2: 1 clean to 5 certain; nothing: not tested
  // RFC 5435 §6 notify_method_capability; capability "online": "yes", "no" or "maybe". Nothing: not known.
  virtual std::optional<std::string> notify_capability(std::string_view uri, std::string_view capability);
};

// Where a message is to be filed: the first of these that is there. RFC 9042 §3, RFC 8579 §4: an id or a use that is
// not there gives way to `mailbox`.
struct Target {
  std::string mailbox;      // always set
  std::string mailbox_id;   // "": none given
  std::string special_use;  // "\Junk"; "": none given
  bool create = false;      // RFC 5490 §3.2: make the mailbox when it is missing. With special_use: give it that use.
  bool operator==(const Target&) const = default;
};

using FlagList = std::vector<std::string>;  // "\Seen", "$Forwarded": valid for IMAP, unique regardless of case

struct Keep {  // into INBOX
  FlagList flags;
  bool implicit = false;  // no action cancelled it
};
struct FileInto {
  Target target;
  FlagList flags;
};
struct Redirect {
  std::string address;     // a valid addr-spec; "" when `list` is set
  std::string list;        // RFC 6134 §2.7: all members of that list
  std::string dsn_notify;  // RFC 6009: as in RFC 3461 ("NEVER", "SUCCESS,DELAY"); "": not said
  std::string dsn_ret;     // "FULL", "HDRS"; "": not said
};
struct Discard {};  // only said when it is the sole thing to be done
struct Reject {     // RFC 5429
  std::string reason;
  bool ereject = false;  // refuse in SMTP if at all possible; reject wants an MDN when the reason does not fit a reply
};
struct Fcc {  // RFC 8580: file a copy of what was sent
  Target target;
  FlagList flags;
};
struct Vacation {                      // RFC 5230. The caller applies §4.2 and §4.6: who gets an answer, and how often.
  std::string reason;                  // text with CRLF; when `mime`, a MIME entity with its header
  std::string subject;                 // UTF-8; "": "Auto: " and the message's subject
  std::string from;                    // an address with or without a display name; "": the user's
  std::vector<std::string> addresses;  // more addresses of the user
  bool mime = false;
  std::string handle;                         // never empty: answers of one handle are one
  std::chrono::seconds interval{7 * 86'400};  // RFC 6131: may be 0
  std::optional<Fcc> fcc;
};
struct Notify {                      // RFC 5435
  std::string method;                // a URI that parse_mailto() takes
  std::string from;                  // "": not said
  int importance = 2;                // 1 high to 3 low
  std::vector<std::string> options;  // "name=value"
  std::string message;               // "": the implementation's own
  std::optional<Fcc> fcc;
};
struct RecordDuplicate {  // RFC 7352: remember the id, or let it live anew
  std::string id;
  std::chrono::seconds lifetime{7 * 86'400};
};

struct Action {
  std::variant<Keep, FileInto, Redirect, Discard, Reject, Vacation, Notify, RecordDuplicate> what;
  // The message this action is about: as scripts edited it by then (RFC 5293, RFC 5703); null: as received. Actions
  // without an edit between them share one.
  std::shared_ptr<const std::string> message;
  uint32_t line = 0;  // of the command; 0: implicit keep
};

struct Outcome {
  // To be carried out in this order; never empty. The implicit keep is resolved: it is there as a Keep when it is due.
  // The same target or address comes once. With an error: one Keep, so that no mail is lost.
  std::vector<Action> actions;
  std::optional<Fault> error;  // what stopped the script at run time
  FlagList flags;              // RFC 5232 §2: the internal variable at the end
  bool stopped = false;        // by the command "stop"
  std::string error_script;    // name of the included script it happened in; "": the one that was run
};

Outcome run(const Program& program, const Input& input, Host& host, const Limits& limits = {});

// --- of use to who carries the actions out ---

// RFC 5436 §2.3, RFC 6068: a mailto URI taken apart and decoded. Nothing when it is none, or has no valid recipient.
struct Mailto {
  std::vector<std::string> to;                               // addr-specs: of the path and of "to" and "cc" fields
  std::string subject, body;                                 // "" when not said
  std::vector<std::pair<std::string, std::string>> headers;  // others that are safe to write, in order
};
std::optional<Mailto> parse_mailto(std::string_view uri);

}  // namespace pabal::sieve
