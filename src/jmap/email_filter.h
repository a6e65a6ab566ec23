// The filters of Email/query and SearchSnippet/get (RFC 8621 §4.4.1). What the account's overview knows of an email is
// looked at there; texts are looked up in the index once, before.
#pragma once

#include <functional>
#include <unordered_map>

#include "jmap/standard.h"
#include "mailbox/overview.h"
#include "mailbox/query.h"

namespace pabal::jmap {

struct Keyword {
  std::string name;  // lower case
  uint8_t flag = 0;  // a system flag that it is; 0: none
  bool is_on(const mailbox::Overview::Line& line) const {
    return flag != 0 ? (line.system & flag) != 0 : line.has_keyword(name);
  }
};
std::optional<Keyword> keyword_of(std::string_view given);  // nothing: it is none (§4.1.1)

// Which threads have a keyword in all of their emails or in some of them, of those that the caller sees.
class ThreadKeywords {
 public:
  void want(const Keyword& keyword) { known_[keyword.name].keyword = keyword; }
  void count(const mailbox::Overview::Line& line);  // each that the caller sees, once
  bool all(mailbox::ThreadId thread, const Keyword& keyword) const;
  bool some(mailbox::ThreadId thread, const Keyword& keyword) const;

 private:
  struct Counts {
    uint32_t emails = 0, with = 0;
  };
  const Counts* find(mailbox::ThreadId thread, const Keyword& keyword) const;
  struct Known {
    Keyword keyword;
    std::unordered_map<mailbox::ThreadId, Counts> threads;
  };
  std::map<std::string, Known> known_;
};

// An email at some moment, perhaps a past one of which not all is known.
struct Moment {
  const mailbox::Overview::Line& line;  // its boxes are those that the caller sees
  bool knows_text = true;               // the index has it
  bool knows_dates = true;              // and its size
  bool knows_keywords = true;           // $seen and $flagged are known in any case
  bool knows_thread = true;             // what keywords its thread had
  bool knows(const Keyword& keyword) const {
    return knows_keywords || keyword.flag == mailbox::kSeen || keyword.flag == mailbox::kFlagged;
  }
};
// kMaybe: it may have held.
enum class Holds : uint8_t { kNo, kMaybe, kYes };

class EmailFilter {
 public:
  // unsupportedFilter, invalidArguments.
  static Or<EmailFilter> read(Call& call, const Filter& filter);
  Result<void> look_up(Call& call);  // the texts; again for a newer moment
  void want(ThreadKeywords& threads) const;
  Holds holds(const Moment& email, const ThreadKeywords& threads) const { return holds(root_, email, threads); }
  bool uses_threads() const { return uses_threads_; }
  // What it looks for in texts, for snippets.
  const mailbox::Query& texts() const { return texts_; }

 private:
  struct Node {
    enum class Op : uint8_t {
      kAnd,
      kOr,
      kNot,
      kInMailbox,
      kBesideMailboxes,
      kBefore,
      kSince,
      kSmaller,
      kLarger,
      kAllInThread,
      kSomeInThread,
      kKeyword,
      kText  // `found`
    } op = Op::kAnd;
    std::vector<Node> children{};
    std::set<mailbox::MailboxId> mailboxes{};
    Time time{};
    uint64_t octets = 0;
    Keyword keyword{};
    mailbox::Query query{};
    std::vector<mailbox::MessageId> found{};  // ascending
  };
  std::optional<Failure> read(Call& call, const Filter& filter, Node& out, mailbox::Query& texts);
  std::optional<Failure> read_condition(Call& call, const json::object& condition, Node& out, mailbox::Query& texts);
  static std::optional<Failure> read_texts(Fields& in, mailbox::Query& out);
  Result<void> look_up(Call& call, Node& node);
  static void want(const Node& node, ThreadKeywords& threads);
  static Holds holds(const Node& node, const Moment& email, const ThreadKeywords& threads);

  Node root_;
  mailbox::Query texts_;
  size_t text_conditions_ = 0;
  bool uses_threads_ = false;
};

}  // namespace pabal::jmap
