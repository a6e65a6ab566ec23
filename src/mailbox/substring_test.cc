// Search for parts of words, against the octets themselves.
#include <thread>

#include "base/text.h"
#include "mailbox/mailbox_fixture.h"
#include "mailbox/probe.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Field = Mailboxes::Term::Field;
using Ids = std::vector<MessageId>;

class Substring : public MailboxTest, public testing::WithParamInterface<bool> {
 protected:
  void folded() {
    if (GetParam()) { ASSERT_TRUE(boxes_->fold(kAccount)); }
  }
  std::optional<Mailboxes::Substring> look(std::string_view text, Field field = Field::kAny) {
    const auto found = boxes_->search_substring(*store_->snapshot(), kAccount, text, field);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::nullopt;
  }
  Ids find(std::string_view text, Field field = Field::kAny) {
    const auto found = look(text, field);
    return found ? found->found : Ids{};
  }
  MessageId body(const std::string& text) {
    return file({.body = text + "\r\n", .type = "text/plain; charset=utf-8"}).message;
  }
};

INSTANTIATE_TEST_SUITE_P(Waiting, Substring, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Folded, Substring, testing::Values(true));

TEST_P(Substring, IsFoundAnywhereInAWord) {
  const MessageId a = body("Unbelievable stories"), b = body("believe it");
  folded();
  EXPECT_EQ(find("believ"), (Ids{a, b}));
  EXPECT_EQ(find("BELIEVABLE"), (Ids{a}));
  EXPECT_EQ(find("unb"), (Ids{a}));
  EXPECT_EQ(find("ries"), (Ids{a}));
  EXPECT_EQ(find("e"), (Ids{a, b}));
  EXPECT_TRUE(find("believers").empty());
  EXPECT_TRUE(find("bbelievab").empty()) << "the octet of the field is no part of the word";
}

TEST_P(Substring, OfSeveralWordsEndsAndBeginsInsideOfThem) {
  const MessageId a = body("the quick brown fox"), b = body("the quick red fox"), c = body("quick-brown");
  folded();
  EXPECT_EQ(find("ick bro"), (Ids{a, c})) << "a blank is whatever parts two words";
  EXPECT_EQ(find("e quick r"), (Ids{b}));
  EXPECT_TRUE(find("quic brown").empty());
  EXPECT_TRUE(find("brown quick").empty());
  EXPECT_TRUE(look("ick bro")->decided);
  EXPECT_FALSE(look("ick-bro")->decided) << "the words do not tell which mark it was";
  EXPECT_EQ(find(" brown"), (Ids{a, c})) << "a blank begins a word";
  EXPECT_TRUE(find(" rown").empty());
  EXPECT_TRUE(find("quic ").empty());
  EXPECT_EQ(find("fox", Field::kSubject), Ids{});
}

TEST_P(Substring, LooksWhereItIsTold) {
  const MessageId a =
      file({.subject = "Meeting", .from = "Ann Smith <ann@example.com>", .to = "bob@example.net"}).message;
  const std::string extra =
      "From: x@example.org\r\nCc: carol@example.org\r\nBcc: dave@example.org\r\nMessage-ID: <m42@example.org>\r\n"
      "List-Id: <rust.lists.example.org>\r\nReceived: from nowhere\r\nX-Thing: thingy\r\n\r\ntext\r\n";
  const MessageId b = try_file(extra)->message;
  folded();
  EXPECT_EQ(find("eetin", Field::kSubject), (Ids{a}));
  EXPECT_EQ(find("nn smi", Field::kFrom), (Ids{a}));
  EXPECT_EQ(find("bob@exam", Field::kTo), (Ids{a}));
  EXPECT_EQ(find("arol", Field::kCc), (Ids{b}));
  EXPECT_TRUE(find("arol", Field::kTo).empty());
  EXPECT_EQ(find("dave", Field::kHeader), (Ids{b}));
  EXPECT_EQ(find("m42@example.org", Field::kHeader), (Ids{b}));
  EXPECT_EQ(find("rust.lists", Field::kAny), (Ids{b}));
  EXPECT_TRUE(find("nowhere").empty()) << "trace fields are not indexed";
  EXPECT_TRUE(find("thingy").empty());
}

TEST_P(Substring, OfScriptsWithoutBlanks) {
  const MessageId a = body("\u660E\u65E5\u306E\u4F1A\u8B70\u306F\u6771\u4EAC\u3067"),
                  b = body("\uB300\uD55C\uBBFC\uAD6D \uC6B0\uCCB4\uAD6D");
  folded();
  EXPECT_EQ(find("\u4F1A\u8B70\u306F"), (Ids{a}));
  EXPECT_EQ(find("\u4F1A"), (Ids{a}));
  EXPECT_EQ(find("\uAD6D \uC6B0\uCCB4"), (Ids{b}));
  EXPECT_EQ(find("\uD55C\uBBFC"), (Ids{b}));
  EXPECT_TRUE(find("\uBBFC\uCCB4").empty());
  EXPECT_EQ(find("\u00DCBER"), Ids{});
  const MessageId c = body("war\u00FCber");
  EXPECT_EQ(find("\u00DCBER"), (Ids{c}));
}

TEST_P(Substring, WithoutAWordTheWordsCannotHelp) {
  body("x");
  folded();
  EXPECT_FALSE(look("..."));
  EXPECT_FALSE(look(""));
}

TEST_P(Substring, MessagesTooLongToBeIndexedAreNamed) {
  std::string words;
  for (size_t i = 0; i < kMaxPositions; ++i) words += (i % 12 ? " w" : "\r\nw") + std::to_string(i % 500);
  const MessageId a = body(words + " needle"), b = body("needle");
  folded();
  const auto found = look("needle");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->found, (Ids{b}));
  EXPECT_EQ(found->unsure, (Ids{a}));
  EXPECT_TRUE(look("w499")->unsure.empty());
}

// Random words of few letters: every part of them is looked for in many ways, and read from the octets as well.
TEST_P(Substring, AgreesWithTheOctets) {
  SeededRandom random(11);
  Ids all;
  const auto word = [&] {
    std::string out;
    for (uint64_t n = 1 + random.below(5); n > 0; --n) out += "abAB"[random.below(4)];
    return out;
  };
  for (int n = 0; n < 60; ++n) {
    std::string text;
    for (uint64_t i = random.below(8); i > 0; --i) text += word() + (i > 1 ? " " : "");
    all.push_back(file({.subject = "s", .body = text}).message);
    if (GetParam() && n % 7 == 0) { ASSERT_TRUE(boxes_->fold(kAccount, 3)); }
  }
  for (int n = 0; n < 400; ++n) {
    std::string text = word();
    for (uint64_t i = random.below(3); i > 0; --i) text += " " + word();
    if (random.below(5) == 0) text = " " + text;
    const auto found = look(text, Field::kBody);
    ASSERT_TRUE(found);
    const message::Needle needle(text);
    Ids expected;
    for (const MessageId id : all)
      if (Probe probe(*boxes_, *store_, kAccount, id); probe.in_text(needle)) expected.push_back(id);
    if (found->decided)
      ASSERT_EQ(found->found, expected) << "'" << text << "'";
    else
      ASSERT_TRUE(std::includes(found->found.begin(), found->found.end(), expected.begin(), expected.end()))
          << "'" << text << "'";
  }
}

TEST_F(MailboxTest, ManyRecordsAreReadAsOneByOneOnes) {
  Ids some, far;
  for (int n = 0; n < 40; ++n) {
    const MessageId id = file({.subject = "n" + std::to_string(n)}).message;
    if (n % 3 == 0) some.push_back(id);
    if (n == 0 || n == 39) far.push_back(id);
  }
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    return t.erase(keys::message(kAccount, some[1])), Result<void>();
  }));
  for (const Ids& ids : {some, far, Ids{}}) {
    Ids messages, summaries, details;
    ASSERT_TRUE(boxes_->each_message(*store_, kAccount, ids, [&](Message&& m) { messages.push_back(m.id); }));
    ASSERT_TRUE(boxes_->each_summary(*store_, kAccount, ids, [&](MessageId id, message::Summary&& s) {
      summaries.push_back(id);
      EXPECT_EQ(s.subject, "n" + std::to_string(id - 1));
    }));
    ASSERT_TRUE(boxes_->each_details(*store_, kAccount, ids, [&](MessageId id, Details&& d) {
      details.push_back(id);
      EXPECT_EQ(d.structure.summary.subject, "n" + std::to_string(id - 1));
    }));
    Ids there = ids;
    if (ids == some) std::erase(there, some[1]);
    EXPECT_EQ(messages, there);
    EXPECT_EQ(summaries, ids);
    EXPECT_EQ(details, ids);
  }
}

}  // namespace
}  // namespace pabal::mailbox
