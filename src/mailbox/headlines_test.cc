#include "mailbox/headlines.h"

#include "mailbox/mailbox_fixture.h"
#include "message/casemap.h"

namespace pabal::mailbox {
namespace {

class HeadlinesTest : public MailboxTest {
 protected:
  Letter letter(SeededRandom& random) {
    Letter out;
    out.subject = std::string(random.below(3) == 0 ? "Re: " : "") + std::string("xYzäÄ").substr(0, random.below(4)) +
                  std::to_string(random.below(20));
    if (random.below(10) == 0) out.subject.clear();
    if (random.below(5) > 0) out.id = std::to_string(random.below(40)) + "@x";
    for (uint64_t n = random.below(3); n > 0; --n) out.references += " <" + std::to_string(random.below(40)) + "@x>";
    return out;
  }
  Result<void> with(HeadlineCache& cache, const std::vector<MessageId>& ids,
                    const std::function<void(const Headlines&)>& use) {
    return cache.with(*boxes_, *store_->snapshot(), kAccount, ids, use);
  }
  // What the records themselves say.
  std::string base_of(MessageId id) {
    return message::casemap(
        message::base_subject((*boxes_->details(*store_, kAccount, id))->structure.summary.subject));
  }
};

// Asked in pieces, in any order, about messages old and new.
TEST_F(HeadlinesTest, SayWhatTheRecordsSay) {
  SeededRandom random(3);
  HeadlineCache cache;
  std::vector<MessageId> all;
  for (int round = 0; round < 30; ++round) {
    for (uint64_t n = random.below(20); n > 0; --n) all.push_back(file(letter(random)).message);
    std::vector<MessageId> asked;
    for (const MessageId id : all)
      if (random.below(3) > 0) asked.push_back(id);
    for (size_t i = 1; i < asked.size(); ++i)
      if (random.below(4) == 0) std::swap(asked[i], asked[random.below(i)]);
    const auto done = with(cache, asked, [&](const Headlines& lines) {
      size_t near = 0;
      std::string before_text;
      std::optional<uint32_t> before;
      for (const MessageId id : asked) {
        const Headline* line = lines.find(id, near);
        ASSERT_TRUE(line) << id;
        Subjects others;
        const Message m = message(id);
        const Headline fresh = headline_of(m, (*boxes_->details(*store_, kAccount, id))->structure.summary, others);
        EXPECT_EQ(line->id, id);
        EXPECT_EQ(line->received, m.received);
        EXPECT_EQ(line->sent, fresh.sent);
        EXPECT_EQ(line->size, m.size);
        EXPECT_EQ(line->reply, fresh.reply);
        EXPECT_EQ(line->message_id, fresh.message_id);
        EXPECT_EQ(line->references, fresh.references);
        const std::string text = base_of(id);
        EXPECT_EQ(line->subject == 0, text.empty());
        const uint32_t rank = lines.subjects().rank(line->subject);
        if (before) {
          EXPECT_EQ(*before < rank, before_text < text) << before_text << " and " << text;
          EXPECT_EQ(*before == rank, before_text == text);
        }
        before = rank;
        before_text = text;
      }
    });
    ASSERT_TRUE(done) << done.error().message;
  }
}

TEST_F(HeadlinesTest, WhatIsGoneIsNotKnown) {
  HeadlineCache cache;
  const MessageId id = file({}).message;
  const auto done = with(cache, {id, id + 1}, [&](const Headlines& lines) {
    size_t near = 0;
    EXPECT_TRUE(lines.find(id, near));
    EXPECT_FALSE(lines.find(id + 1, near));
  });
  EXPECT_TRUE(done);
}

TEST_F(HeadlinesTest, TheOldestMakeRoom) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(file({.subject = std::to_string(i)}).message);
  constexpr AccountId kOther = 8;
  ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kOther, 0); }));
  const MessageId others = file({}, {}, kOther).message;
  HeadlineCache cache(15'000);
  size_t alone = 0;
  ASSERT_TRUE(with(cache, ids, [](const Headlines&) {}));
  alone = cache.octets();
  EXPECT_GT(alone, 50 * sizeof(Headline));
  ASSERT_LE(alone, 15'000u);
  ASSERT_TRUE(cache.with(*boxes_, *store_->snapshot(), kOther, {others}, [](const Headlines&) {}));
  EXPECT_GT(cache.octets(), alone) << "both have room";

  HeadlineCache small(alone + 10);
  ASSERT_TRUE(with(small, ids, [](const Headlines&) {}));
  EXPECT_EQ(small.octets(), alone);
  ASSERT_TRUE(small.with(*boxes_, *store_->snapshot(), kOther, {others}, [](const Headlines&) {}));
  EXPECT_LT(small.octets(), alone) << "the last one alone";
}

}  // namespace
}  // namespace pabal::mailbox
