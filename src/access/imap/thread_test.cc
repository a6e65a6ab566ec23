#include "access/imap/thread.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"

namespace pabal::access::imap {
namespace {

struct Mail {
  std::string id, references, subject = "";
  int hour = 0;
};

using Lines = std::vector<mailbox::Headline>;

Lines lines_of(const std::vector<Mail>& mails) {
  Lines out;
  mailbox::Subjects known;
  int number = 0;
  for (const Mail& mail : mails) {
    std::string text = "Subject: " + mail.subject + "\r\n";
    if (!mail.id.empty()) text += "Message-ID: <" + mail.id + "@x>\r\n";
    std::string references;
    for (const char c : mail.references) references += std::string(references.empty() ? "" : " ") + "<" + c + "@x>";
    if (!references.empty()) text += "References: " + references + "\r\n";
    const auto parsed = message::parse(text + "\r\n");
    mailbox::Message message;
    message.received = from_unix(1'000'000 + (mail.hour ? mail.hour : ++number) * 3'600);
    out.push_back(mailbox::headline_of(message, parsed.summary, known));
  }
  return out;
}
std::vector<Threaded> threaded(const Lines& lines) {
  std::vector<Threaded> out;
  for (const mailbox::Headline& line : lines) out.push_back({static_cast<uint32_t>(out.size()) + 1, &line});
  return out;
}
std::string references(const std::vector<Mail>& mails) {
  const Lines lines = lines_of(mails);
  return threads_by_references(threaded(lines));
}
std::string subjects(const std::vector<Mail>& mails) {
  const Lines lines = lines_of(mails);
  return threads_by_subject(threaded(lines));
}
mailbox::Headline line_of(std::string_view header) {
  mailbox::Subjects known;
  return mailbox::headline_of({}, message::parse(std::string(header) + "\r\n\r\n").summary, known);
}

TEST(ThreadReferences, FollowsReferences) {
  EXPECT_EQ(references({}), "");
  EXPECT_EQ(references({{"a", ""}, {"b", "a"}, {"c", "ab"}}), "(1 2 3)");
  EXPECT_EQ(references({{"a", ""}, {"b", "a"}, {"c", "a"}}), "(1 (2)(3))");
  EXPECT_EQ(references({{"c", "ab"}, {"b", "a"}, {"a", ""}}), "(3 2 1)") << "whatever the order of arrival";
  EXPECT_EQ(references({{"a", ""}, {"b", ""}}), "(1)(2)");
}

// The example of RFC 5256 §4: 3 and 5 have a parent that is not there; so has the tree of 4.
TEST(ThreadReferences, DrawsTheTreesOfTheRfc) {
  EXPECT_EQ(references({{"a", "p"}, {"b", "p"}}), "((1)(2))");
  EXPECT_EQ(references({{"a", ""}, {"b", "a"}, {"c", "ab"}, {"d", "abc"}, {"e", "ab"}, {"f", "abe"}, {"g", "abef"}}),
            "(1 2 (3 4)(5 6 7))");
}

TEST(ThreadReferences, WhatIsMissingLeavesNoGap) {
  EXPECT_EQ(references({{"a", ""}, {"d", "abc"}}), "(1 2)") << "dummies between are spliced out";
  EXPECT_EQ(references({{"d", "abc"}}), "(1)");
  EXPECT_EQ(references({{"b", "zy"}, {"c", "zx"}}), "((1)(2))");
}

TEST(ThreadReferences, IdsThatAreMissingDoubleOrInCirclesDoNoHarm) {
  EXPECT_EQ(references({{"", ""}, {"", ""}}), "(1)(2)");
  EXPECT_EQ(references({{"a", ""}, {"a", ""}, {"b", "a"}}), "(1 3)(2)") << "the first of an id has it";
  EXPECT_EQ(references({{"a", "a"}}), "(1)");
  EXPECT_EQ(references({{"a", "b"}, {"b", "a"}}), "(2 1)") << "a link that makes a loop is not made";
  EXPECT_EQ(references({{"b", "a"}, {"b", "c"}, {"a", "b"}}), "(2)(3 1)");
  EXPECT_EQ(line_of("Message-ID: <\"a\"@x>").message_id, line_of("Message-ID: <a@x>").message_id);
}

TEST(ThreadReferences, OfInReplyToAloneTheFirstIdCounts) {
  const auto a = line_of("Message-ID: <a@x>").message_id, b = line_of("Message-ID: <b@x>").message_id;
  EXPECT_EQ(line_of("In-Reply-To: <a@x> <b@x>").references, (std::vector<uint64_t>{a}));
  EXPECT_EQ(line_of("References: <a@x> <b@x>\r\nIn-Reply-To: <b@x>").references, (std::vector<uint64_t>{a, b}));
}

TEST(ThreadReferences, SubjectsJoinThreads) {
  EXPECT_EQ(references({{"a", "", "lunch"}, {"b", "", "Re: lunch"}}), "(1 2)");
  EXPECT_EQ(references({{"a", "", "Re: lunch"}, {"b", "", "Lunch"}}), "(2 1)") << "the reply is below";
  EXPECT_EQ(references({{"a", "", "lunch"}, {"b", "", "lunch"}}), "((1)(2))") << "equals become siblings";
  EXPECT_EQ(references({{"a", "", "lunch"}, {"b", "", "lunch"}, {"c", "", "LUNCH"}}), "((1)(2)(3))");
  EXPECT_EQ(references({{"a", "p", "lunch"}, {"b", "p", "lunch"}, {"c", "", "lunch"}}), "((1)(2)(3))");
  EXPECT_EQ(references({{"a", "p", "x"}, {"b", "p"}, {"c", "q", "x"}, {"d", "q"}}), "((1)(2)(3)(4))") << "two dummies";
  EXPECT_EQ(references({{"a", "", ""}, {"b", "", ""}}), "(1)(2)") << "no subject joins nothing";
  EXPECT_EQ(references({{"a", "", "\u00C9t\u00E9"}, {"b", "", "Re: \u00E9T\u00C9"}}), "(1 2)");
}

TEST(ThreadReferences, SiblingsComeByDate) {
  EXPECT_EQ(references({{"a", "", "", 9}, {"b", "a", "", 8}, {"c", "a", "", 7}, {"d", "", "", 1}}), "(4)(1 (3)(2))");
  EXPECT_EQ(references({{"a", "", "", 5}, {"b", "p", "", 9}, {"c", "p", "", 1}}), "((3)(2))(1)")
      << "a dummy by its first";
}

TEST(ThreadReferences, VeryDeepThreadsAreDrawn) {
  Lines deep;
  for (uint32_t i = 1; i <= 100'000; ++i) {
    mailbox::Headline& one = deep.emplace_back();
    one.message_id = i;
    if (i > 1) one.references = {i - 1};
  }
  const std::string text = threads_by_references(threaded(deep));
  EXPECT_TRUE(text.starts_with("(1 2 3 ") && text.ends_with(" 100000)"));
}

TEST(ThreadOrderedSubject, GathersByBaseSubject) {
  EXPECT_EQ(subjects({{"", "", "a"}, {"", "", "b"}, {"", "", "Re: A"}, {"", "", "Fwd: a"}, {"", "", "c"}}),
            "(1 (3)(4))(2)(5)");
  EXPECT_EQ(subjects({{"", "", "Re: a", 9}, {"", "", "a", 2}, {"", "", "b", 3}}), "(2 1)(3)");
  EXPECT_EQ(subjects({{"", "", "", 2}, {"", "", "", 1}}), "(2 1)");
  EXPECT_EQ(subjects({}), "");
}

// --- the same, told naively -----------------------------------------------------------------------------------------

// RFC 5256 word for word: maps of parents and children, everything searched for anew.
class Naive {
 public:
  static std::string text(const std::vector<Threaded>& messages) {
    Naive n;
    n.build(messages);
    std::string out;
    for (const std::string& root : n.sorted(n.children_[""])) out += n.draw(root);
    return out;
  }

 private:
  using Names = std::vector<std::string>;
  void move(const std::string& node, const std::string& parent) {
    if (parent_.contains(node)) std::erase(children_[parent_[node]], node);
    parent_[node] = parent;
    children_[parent].push_back(node);
  }
  void gone(const std::string& node) {
    std::erase(children_[parent_[node]], node);
    parent_.erase(node);
  }
  bool loop(const std::string& child, const std::string& parent) {
    for (std::string at = parent; !at.empty(); at = parent_.contains(at) ? parent_[at] : "")
      if (at == child) return true;
    return false;
  }
  bool dummy(const std::string& node) const { return !real_.contains(node); }
  const Threaded& first(const std::string& node) {
    return dummy(node) ? *real_.at(sorted(children_[node]).front()) : *real_.at(node);
  }
  Names sorted(Names names) {
    std::map<std::pair<Time, uint32_t>, std::string> order;
    for (const std::string& name : names) order[{first(name).line->sent, first(name).number}] = name;
    names.clear();
    for (const auto& [key, name] : order) names.push_back(name);
    return names;
  }
  void prune(const std::string& node, bool top) {
    for (const std::string& child : Names(children_[node])) prune(child, false);
    if (!dummy(node)) return;
    const Names children = children_[node];
    if (top && children.size() > 1) return;
    const std::string parent = parent_[node];
    gone(node);
    for (const std::string& child : children) move(child, parent);
  }
  void build(const std::vector<Threaded>& messages) {
    std::set<std::string> all;
    const auto link = [&](const std::string& child, const std::string& parent) {
      if (loop(child, parent)) return;
      move(child, parent);
    };
    for (const Threaded& m : messages) {
      std::string self = m.line->message_id == 0 ? "" : std::to_string(m.line->message_id);
      Names named;
      for (const uint64_t id : m.line->references) named.push_back(std::to_string(id));
      if (self.empty() || real_.contains(self)) self = "unique " + std::to_string(m.number);
      real_[self] = &m;
      all.insert(self);
      for (size_t i = 0; i < named.size(); ++i) {
        all.insert(named[i]);
        if (i > 0 && !parent_.contains(named[i])) link(named[i], named[i - 1]);
      }
      if (parent_.contains(self)) gone(self);
      if (!named.empty()) link(self, named.back());
    }
    for (const std::string& node : all)
      if (!parent_.contains(node)) move(node, "");
    for (const std::string& root : Names(children_[""])) prune(root, true);
    std::map<uint32_t, std::string> table;
    const auto reply = [&](const std::string& node) { return !dummy(node) && real_.at(node)->line->reply; };
    const Names roots = sorted(children_[""]);
    for (const std::string& root : roots) {
      const uint32_t subject = first(root).line->subject;
      if (subject == 0) continue;
      if (!table.contains(subject))
        table[subject] = root;
      else if (!dummy(table[subject]) && (dummy(root) || (reply(table[subject]) && !reply(root))))
        table[subject] = root;
    }
    int made = 0;
    for (const std::string& root : roots) {
      if (parent_[root] != "") continue;
      const uint32_t subject = first(root).line->subject;
      if (subject == 0 || table[subject] == root) continue;
      const std::string other = table[subject];
      if (dummy(other) && dummy(root)) {
        for (const std::string& child : Names(children_[root])) move(child, other);
        gone(root);
      } else if (dummy(other) || (reply(root) && !reply(other))) {
        move(root, other);
      } else {
        const std::string fresh = "dummy " + std::to_string(made++);
        move(fresh, "");
        move(other, fresh);
        move(root, fresh);
        table[subject] = fresh;
      }
    }
  }
  std::string draw(const std::string& node) { return "(" + inner(node) + ")"; }
  std::string inner(const std::string& node) {
    std::string out = dummy(node) ? "" : std::to_string(real_.at(node)->number);
    const Names children = sorted(children_[node]);
    if (children.size() == 1) return out + (out.empty() ? "" : " ") + inner(children[0]);
    if (!children.empty() && !out.empty()) out += ' ';
    for (const std::string& child : children) out += draw(child);
    return out;
  }
  std::map<std::string, std::string> parent_;  // "" is the root
  std::map<std::string, Names> children_;
  std::map<std::string, const Threaded*> real_;
};

TEST(ThreadReferences, AgreesWithTheRfcToldNaively) {
  SeededRandom random(5);
  for (int round = 0; round < 3'000; ++round) {
    std::vector<Mail> mails;
    const auto letter = [&] { return static_cast<char>('a' + random.below(9)); };
    for (uint64_t i = random.below(12); i > 0; --i) {
      Mail mail;
      if (random.below(8) > 0) mail.id = letter();
      for (uint64_t n = random.below(4); n > 0; --n) mail.references += letter();
      mail.subject = std::string(random.below(3) == 0 ? "Re: " : "") + "xyz"[random.below(3)];
      if (random.below(4) == 0) mail.subject.clear();
      mail.hour = static_cast<int>(1 + random.below(6));
      mails.push_back(mail);
    }
    const Lines lines = lines_of(mails);
    const auto messages = threaded(lines);
    ASSERT_EQ(threads_by_references(messages), Naive::text(messages)) << "round " << round;
  }
}

}  // namespace
}  // namespace pabal::access::imap
