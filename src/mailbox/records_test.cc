#include "mailbox/records.h"

#include <gtest/gtest.h>

#include "base/codec.h"

namespace pabal::mailbox {
namespace {

template <typename Decode>
void expect_refuses_cuts(const std::string& record, const Decode& decode) {
  for (size_t size = 0; size < record.size(); ++size)
    EXPECT_FALSE(decode(std::string_view(record).substr(0, size))) << "cut at " << size;
  std::string newer = record;
  ++newer[0];
  EXPECT_FALSE(decode(newer)) << "another version";
}

TEST(Records, AnAccountSurvivesBeingWritten) {
  const AccountState state{.modseq = 300,
                           .next_message = 70'000,
                           .next_mailbox = 9,
                           .last_validity = 1'800'000'009,
                           .first_change = 200,
                           .octets = 1ull << 40,
                           .messages = 69'000,
                           .quota_octets = 1ull << 41};
  const auto again = decode_state(encode(state));
  ASSERT_TRUE(again);
  EXPECT_EQ(encode(*again), encode(state));
  EXPECT_EQ(again->first_change, 200u);
  expect_refuses_cuts(encode(state), decode_state);
}

TEST(Records, AMailboxSurvivesBeingWritten) {
  const Mailbox box{.id = 4,
                    .name = "보관함/2026",
                    .role = Role::kArchive,
                    .uid_validity = 5,
                    .uid_next = 100,
                    .messages = 50,
                    .unseen = 3,
                    .deleted = 2,
                    .octets = 1 << 20,
                    .highest_modseq = 77};
  const auto again = decode_mailbox(encode(box));
  ASSERT_TRUE(again);
  EXPECT_EQ(encode(*again), encode(box));
  EXPECT_EQ(again->name, box.name);
  expect_refuses_cuts(encode(box), decode_mailbox);
}

TEST(Records, AMessageSurvivesBeingWrittenAlsoInItsUndeleteWindow) {
  Message m;
  m.id = 12;
  m.thread = 11;
  m.body = 1ull << 60;
  m.size = 8192;
  m.received = from_unix(1'800'000'000);
  m.saved = from_unix(1'800'000'001);
  m.modseq = 30;
  m.created_modseq = 29;
  m.flags = {kSeen | kFlagged, {"$Forwarded", "work"}};
  m.places = {{1, 5, false, from_unix(1'800'000'001)}, {9, 1, true, from_unix(1'800'000'002)}};
  auto again = decode_message(encode(m));
  ASSERT_TRUE(again);
  EXPECT_EQ(encode(*again), encode(m));
  EXPECT_EQ(again->flags, Flags()) << "its rows have them";
  EXPECT_EQ(again->received, m.received);
  EXPECT_EQ(again->places[0].uid, 5u);
  EXPECT_EQ(again->places[1].saved, m.places[1].saved);
  expect_refuses_cuts(encode(m), decode_message);

  m.places.clear();
  m.removed_until = from_unix(1'801'000'000);
  again = decode_message(encode(m));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->removed_until, m.removed_until);
  EXPECT_EQ(again->flags, m.flags);
  expect_refuses_cuts(encode(m), decode_message);
}

TEST(Records, RowsSurviveBeingWrittenAndAppended) {
  std::vector<Row> rows = {{64, 7, 1, {}, false}, {67, 1'000'000, 1ull << 40, {kSeen | kDeleted, {"work"}}, true}};
  std::string record = encode_rows(rows);
  rows.push_back({95, 8, 3, {kFlagged, {}}, false});
  ASSERT_TRUE(append_row(record, rows.back()));
  EXPECT_EQ(record, encode_rows(rows));
  const auto again = decode_rows(record, 70);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), 3u);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ((*again)[i].uid, rows[i].uid);
    EXPECT_EQ((*again)[i].message, rows[i].message);
    EXPECT_EQ((*again)[i].modseq, rows[i].modseq);
    EXPECT_EQ((*again)[i].flags, rows[i].flags);
    EXPECT_EQ((*again)[i].elsewhere, rows[i].elsewhere);
  }
  EXPECT_EQ(decode_rows(encode_rows({}), 1)->size(), 0u);
  for (size_t size = 0; size < record.size(); ++size) {
    const auto cut = decode_rows(record.substr(0, size), 70);
    EXPECT_TRUE(!cut || cut->size() < 3) << "one that is cut between rows is whole";
  }
  EXPECT_FALSE(decode_rows(encode_rows({rows[1], rows[0]}), 70)) << "disorder";
  EXPECT_FALSE(decode_rows(Encoder().u8(2).u8(128).u8(0).varint(1).varint(1).take(), 70)) << "no such slot";
}

TEST(Records, AlikeRowsAreARun) {
  const auto same = [](const std::vector<Row>& a, const std::vector<Row>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Row& x, const Row& y) {
      return x.uid == y.uid && x.message == y.message && x.modseq == y.modseq && x.flags == y.flags &&
             x.elsewhere == y.elsewhere;
    });
  };
  std::vector<Row> rows;
  std::string record = encode_rows({});
  const auto arrives = [&](Row row) {
    ASSERT_TRUE(append_row(record, row));
    rows.push_back(std::move(row));
    ASSERT_EQ(record, encode_rows(rows));
    const auto again = decode_rows(record, 128);
    ASSERT_TRUE(again);
    ASSERT_TRUE(same(*again, rows));
  };
  for (uint32_t i = 0; i < 128; ++i) arrives({128 + i, 5'000 + i, 70'000 + i, {}, false});
  EXPECT_LE(record.size(), 16u) << "as they arrived";
  for (Row& row : rows) row = {row.uid, row.message, 90'000, {kSeen, {"work"}}, false};
  EXPECT_LE(encode_rows(rows).size(), 24u) << "as somebody marked them";

  // Each way to differ ends a run.
  rows.clear();
  record = encode_rows({});
  arrives({130, 10, 50, {}, false});
  arrives({131, 11, 50, {}, false});
  arrives({132, 12, 51, {}, false});
  arrives({133, 13, 52, {}, false});
  arrives({134, 14, 52, {}, false});
  arrives({135, 16, 53, {}, false});
  arrives({137, 17, 54, {}, false});
  arrives({138, 18, 55, {kSeen, {}}, false});
  arrives({139, 19, 56, {kSeen, {"a"}}, false});
  arrives({140, 20, 57, {kSeen, {"a"}}, true});
  arrives({141, 21, 57, {kSeen, {"a"}}, true});
  for (size_t size = 1; size < record.size(); ++size) {
    const auto cut = decode_rows(record.substr(0, size), 128);
    EXPECT_TRUE(!cut || cut->size() < rows.size());
    std::string damaged = record.substr(0, size);
    EXPECT_EQ(append_row(damaged, {142, 22, 58, {}, false}), cut.has_value());
  }
  // Slot 127 and one more; a run of more than there can be.
  EXPECT_FALSE(decode_rows(Encoder().u8(2).u8(127).u8(0x20).varint(0).varint(1).varint(1).take(), 1));
  EXPECT_FALSE(decode_rows(Encoder().u8(2).u8(0).u8(0x20).varint(UINT64_MAX).varint(1).varint(1).take(), 1));
}

TEST(Records, ChangesSurviveBeingWritten) {
  const std::vector<HistoryChange> changes = {{{9, Change::Kind::kAdded, 1, 2, 3}, 0, 0, 2},
                                              {{9, Change::Kind::kFlags, 1, 2, 3}, kSeen, kFlagged},
                                              {{9, Change::Kind::kFlags, 1, 2, 3}, kFlagged, kSeen},
                                              {{9, Change::Kind::kSubscription, 4, 0, 0}},
                                              {{9, Change::Kind::kFlags, 1, 2, 3}, kDeleted | kSeen, 0},
                                              {{9, Change::Kind::kFlags, 1, 2, 3}, 0, kDeleted},
                                              {{9, Change::Kind::kRemoved, 1, 2, 3}, 0, 0, 3},
                                              {{9, Change::Kind::kRemoved, 1, 3, 9}, 0, 0, 2}};
  const auto again = decode_changes(encode(changes), 9);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), 8u);
  EXPECT_EQ((*again)[0].modseq, 9u);
  EXPECT_EQ((*again)[0].message, 3u);
  EXPECT_EQ((*again)[0].set | (*again)[0].cleared, 0);
  EXPECT_EQ((*again)[1].kind, Change::Kind::kFlags);
  EXPECT_EQ((*again)[1].set, kSeen);
  EXPECT_EQ((*again)[1].cleared, kFlagged);
  EXPECT_EQ((*again)[2].set, kFlagged);
  EXPECT_EQ((*again)[2].cleared, kSeen);
  EXPECT_EQ((*again)[3].kind, Change::Kind::kSubscription);
  EXPECT_EQ((*again)[4].kind, Change::Kind::kFlags);
  EXPECT_EQ((*again)[4].set, kDeleted | kSeen);
  EXPECT_EQ((*again)[5].kind, Change::Kind::kFlags);
  EXPECT_EQ((*again)[5].cleared, kDeleted);
  EXPECT_EQ((*again)[0].thread, 2u);
  EXPECT_EQ((*again)[6].thread, 3u);
  EXPECT_EQ((*again)[7].message, 9u);
  EXPECT_EQ((*again)[7].thread, 2u);
  expect_refuses_cuts(encode(changes), [](std::string_view r) { return decode_changes(r, 9); });
}

TEST(Records, AlikeChangesStandTogether) {
  std::vector<HistoryChange> many;
  for (Uid uid = 1; uid <= 10'000; ++uid)
    many.push_back({{9, Change::Kind::kFlags, 1, uid, uid % 7 == 0 ? 100'000 - uid : uid + 5}, kFlagged, 0});
  many.push_back({{9, Change::Kind::kFlags, 2, 10'001, 5}, kFlagged, 0});
  many.push_back({{9, Change::Kind::kFlags, 2, 10'002, UINT64_MAX}, kFlagged, 0});
  many.push_back({{9, Change::Kind::kFlags, 2, 10'004, 0}, kFlagged, 0});
  many.push_back({{9, Change::Kind::kFlags, 2, 10'005, 1}, kFlagged, kDeleted, 0, 0b10000, 0b00001});
  many.push_back({{9, Change::Kind::kFlags, 2, 10'006, 2}, kFlagged, kDeleted, 0, 0b10000, 0b00001});
  const std::string record = encode(many);
  EXPECT_LT(record.size(), 20'000u);
  const auto again = decode_changes(record, 9);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), many.size());
  for (size_t i = 0; i < many.size(); ++i) {
    EXPECT_EQ((*again)[i].uid, many[i].uid);
    EXPECT_EQ((*again)[i].message, many[i].message);
    EXPECT_EQ((*again)[i].mailbox, many[i].mailbox);
    EXPECT_EQ((*again)[i].set, kFlagged);
    EXPECT_EQ((*again)[i].cleared, many[i].cleared);
    EXPECT_EQ((*again)[i].categories_set, many[i].categories_set);
    EXPECT_EQ((*again)[i].categories_cleared, many[i].categories_cleared);
  }
  const std::string more_than_said =
      Encoder().u8(5).varint(2).u8(5).u32(1).u32(1).varint(1).varint(2).varint(2).varint(2).take();
  EXPECT_FALSE(decode_changes(more_than_said, 9));
  EXPECT_FALSE(decode_changes(Encoder().u8(4).varint(0).take(), 9)) << "another version";
}

TEST(Records, UidsSurviveBeingWrittenAndDisorderIsRefused) {
  const std::vector<UidMap::Range> ranges = {{1, 1}, {3, 4095}, {5000, UINT32_MAX}};
  const auto again = decode_uids(encode_uids(ranges));
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), 3u);
  EXPECT_EQ((*again)[2].last, UINT32_MAX);
  expect_refuses_cuts(encode_uids(ranges), decode_uids);
  EXPECT_FALSE(decode_uids(Encoder().u8(2).varint(2).varint(5).varint(3).varint(0).varint(1).take()))
      << "ranges that overlap";
  EXPECT_FALSE(decode_uids(Encoder().u8(2).varint(1).varint(UINT32_MAX).varint(1).take())) << "beyond 32 bits";
  EXPECT_FALSE(decode_uids(Encoder().u8(2).varint(1).varint(UINT64_MAX).varint(2).take())) << "wraps around";
  EXPECT_FALSE(decode_uids(Encoder().u8(2).varint(1).varint(0).varint(2).take())) << "no UID is 0";
}

TEST(Records, DetailsGiveTheirPrefixAlone) {
  const message::Message parsed = message::parse("Subject: x\r\n\r\nbody");
  const std::string record = encode_details("Return-Path: <>\r\n", "body", message::encode(parsed), "spf=pass");
  const auto again = decode_details(record);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->structure.summary.subject, "x");
  EXPECT_EQ(decode_prefix(record), "Return-Path: <>\r\n");
  EXPECT_EQ(again->results, "spf=pass");
  const auto old = decode_details(Encoder().u8(2).string("p").string("").string(message::encode(parsed)).take());
  ASSERT_TRUE(old) << "a record from before senders were checked";
  EXPECT_EQ(old->prefix, "p");
  expect_refuses_cuts(record, decode_details);
}

}  // namespace
}  // namespace pabal::mailbox
