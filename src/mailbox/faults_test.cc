// The disk fails, or the power goes, at each operation of a workload in turn: what was acknowledged is there
// afterwards, and nothing is there by half.
#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

class Faults : public MailboxTest {
 protected:
  // One of each kind of writing. Gives for each step whether it was acknowledged.
  std::vector<bool> work() {
    std::vector<bool> done;
    const auto filed = try_file(text_of({.subject = "kept", .body = "needle one\r\n", .id = "1@x"}));
    done.push_back(filed.ok());
    const auto other =
        try_file(text_of({.subject = "Re: kept", .body = "needle two\r\n", .id = "2@x", .references = "<1@x>"}));
    done.push_back(other.ok());
    done.push_back(filed && flag(filed->message, kSeen));
    done.push_back(run([&](auto& t) { return boxes_->create(t, kAccount, "a/b"); }).ok());
    done.push_back(filed && run([&](auto& t) { return boxes_->copy(t, kAccount, filed->message, 1); }).ok());
    done.push_back(other && take_out(other->message));
    (void)boxes_->fold(kAccount);
    return done;
  }

  // Every record agrees with every other.
  void expect_whole() {
    const auto snapshot = store_->snapshot();
    const AccountFigures account = figures();
    uint64_t octets = 0, messages = 0, places = 0, rows_seen = 0;
    std::map<BodyId, uint64_t> bodies;
    const auto scanned = snapshot->scan(
        store::Range::prefix(keys::in_account(kAccount, 'm').take()), [&](std::string_view, std::string_view record) {
          const auto m = decode_message(record);
          EXPECT_TRUE(m);
          if (!m) return false;
          ++bodies[m->body];
          places += m->places.size();
          if (!m->places.empty()) octets += m->size, ++messages;
          EXPECT_TRUE(boxes_->content(*snapshot, kAccount, m->id)) << "details and body are there";
          EXPECT_LE(m->modseq, account.modseq);
          for (const auto& place : m->places) {
            const auto row = boxes_->row(*snapshot, kAccount, place.mailbox, place.uid);
            EXPECT_TRUE(row && *row && (*row)->message == m->id);
          }
          return true;
        });
    ASSERT_TRUE(scanned);
    EXPECT_EQ(account.octets, octets);
    EXPECT_EQ(account.messages, messages);
    for (const auto& [body, count] : bodies) EXPECT_EQ(references(body), count);
    EXPECT_EQ(keys_with("R"), bodies.size());
    EXPECT_EQ(search("needle").size(), messages) << "in a segment or in the tail, once";
    const auto all = boxes_->list(*snapshot, kAccount);
    for (const Mailbox& m : *all) {
      EXPECT_EQ(m.messages, rows(m.id).size());
      EXPECT_EQ(m.messages, uids(m.id).size());
      rows_seen += m.messages;
    }
    EXPECT_EQ(rows_seen, places);
    ModSeq before = 0;
    for (const Change& c : changes(0)) {
      EXPECT_TRUE(c.modseq == before || c.modseq == before + 1);
      before = c.modseq;
    }
    EXPECT_EQ(before, account.modseq);
  }
  void expect_done(const std::vector<bool>& done) {
    EXPECT_TRUE(!done[0] || !search("needle one").empty()) << "what was acknowledged is found";
    EXPECT_TRUE(!done[2] || message(1).flags.has(kSeen));
    EXPECT_TRUE(!done[3] || named("a/b") != 0);
    EXPECT_TRUE(!done[4] || search("needle one").size() == 2);
    EXPECT_TRUE(!done[5] || message(2).places.empty());
  }
};

TEST_F(Faults, ThePowerGoesAtEachOperation) {
  const auto survives = {store::FaultyDisk::Survives::kSynced, store::FaultyDisk::Survives::kSome,
                         store::FaultyDisk::Survives::kWritten};
  for (uint64_t n = 0;; ++n) {
    bool cut = false;
    for (const auto kind : survives) {
      SCOPED_TRACE(testing::Message() << "after " << n << " operations, surviving: " << static_cast<int>(kind));
      disk_.cut_power_after(n);
      const std::vector<bool> done = work();
      cut = !disk_.powered();
      close();
      disk_.restore_power(kind);
      open();
      expect_whole();
      expect_done(done);
      ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));  // for a fresh one
      EXPECT_EQ(keys_with("R"), 0u);
      ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }));
      if (HasFailure()) return;
    }
    if (!cut) break;
    ASSERT_LT(n, 1'000u);
  }
}

TEST_F(Faults, TheDiskFailsAtEachOperationAndRecovers) {
  for (uint64_t n = 0;; ++n) {
    SCOPED_TRACE(testing::Message() << "after " << n << " operations");
    disk_.fail_after(n, store::FaultyDisk::Fault::kIo, store::FaultyDisk::Lasting::kOnce);
    const std::vector<bool> done = work();
    const bool failed = disk_.has_failed();
    disk_.mend();
    clock_.advance(minutes(1));  // the store tries again
    open();
    expect_whole();
    expect_done(done);
    ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));
    ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }));
    if (HasFailure() || !failed) break;
    ASSERT_LT(n, 1'000u);
  }
}

}  // namespace
}  // namespace pabal::mailbox
