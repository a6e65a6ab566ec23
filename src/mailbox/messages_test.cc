#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

class Messages : public MailboxTest {
 protected:
  Result<Message::Place> add(MessageId id, MailboxId to) {
    return run([&](auto& t) { return boxes_->add_place(t, kAccount, id, to); });
  }
  Result<Message::Place> copy(MessageId id, MailboxId to) {
    return run([&](auto& t) { return boxes_->copy(t, kAccount, id, to); });
  }
  Result<std::vector<std::optional<Mailboxes::Beginning>>> beginning_of(const Message& m) {
    std::vector<std::optional<Mailboxes::Beginning>> out;
    const auto read = boxes_->each_beginning(*store_, kAccount, {&m}, [&](MessageId id, auto&& beginning) {
      EXPECT_EQ(id, m.id);
      out.push_back(std::move(beginning));
    });
    if (!read) return read.error();
    return out;
  }
  Result<Message> keywords(MessageId id, std::vector<std::string> words) {
    return edit_flags(id, [&](Flags& f) { f.keywords = words; });
  }
};

TEST_F(Messages, AFiledMessageIsReadBackWhole) {
  const std::string bytes = text_of({.subject = "lunch", .body = "At noon?\r\n", .id = "1@example.com"});
  Filing filing;
  filing.prefix = "Return-Path: <alice@example.com>\r\n";
  filing.flags = {kSeen, {"$Work"}};
  filing.received = from_unix(1'700'000'000);
  const auto filed = try_file(bytes, filing);
  ASSERT_TRUE(filed);
  ASSERT_EQ(filed->places.size(), 1u);
  EXPECT_EQ(filed->places[0].mailbox, 1u) << "no mailbox named: the inbox";
  EXPECT_EQ(filed->places[0].uid, 1u);
  const Message m = message(filed->message);
  EXPECT_EQ(m.size, filing.prefix.size() + bytes.size());
  EXPECT_EQ(m.received, from_unix(1'700'000'000));
  EXPECT_EQ(m.saved, clock_.now());
  EXPECT_EQ(m.flags, filing.flags);
  EXPECT_EQ(m.modseq, filed->modseq);
  EXPECT_EQ(m.created_modseq, filed->modseq);
  EXPECT_EQ(boxes_->content(*store_, kAccount, m.id).value(), filing.prefix + bytes);
  EXPECT_EQ(boxes_->body(*store_, m.body).value(), bytes);
  const auto details = boxes_->details(*store_, kAccount, m.id);
  ASSERT_TRUE(details && *details);
  EXPECT_EQ((*details)->prefix, filing.prefix);
  EXPECT_EQ((*details)->preview, "At noon?");
  EXPECT_EQ((*details)->structure.summary.subject, "lunch");
  EXPECT_EQ((*details)->structure.summary.message_id, "<1@example.com>");
  const auto row = boxes_->row(*store_, kAccount, 1, 1);
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->message, m.id);
  EXPECT_EQ((*row)->flags, filing.flags);
  EXPECT_FALSE(*boxes_->row(*store_, kAccount, 1, 2));
  EXPECT_FALSE(*boxes_->message(*store_, kAccount, 4711));
  EXPECT_FALSE(*boxes_->details(*store_, kAccount, 4711));
  EXPECT_EQ(boxes_->content(*store_, kAccount, 4711).code(), Code::kNotFound);
}

TEST_F(Messages, BodiesOfEverySizeAndKindComeBackAsTheyWere) {
  SeededRandom random(5);
  for (const size_t size : {0, 1, 511, 512, 513, 6'100, 6'144, 6'145, 7'000, 100'000, 3'000'000}) {
    for (const std::string& body : {std::string(size, 'a'), random.bytes(size)}) {
      const auto filed = try_file(body);
      ASSERT_TRUE(filed);
      EXPECT_TRUE(boxes_->content(*store_, kAccount, filed->message).value() == body) << size;
      EXPECT_TRUE(boxes_->body(*store_, message(filed->message).body).value() == body) << size;
    }
  }
  EXPECT_LT(prepare(std::string(100'000, 'a'))->stored_rest.size(), 1'000u);
}

TEST_F(Messages, ASmallMessageIsReadWholeWithItsHeader) {
  const std::string bytes = text_of({.body = std::string(500, 'x')});
  Filing filing;
  filing.prefix = "Return-Path: <>\r\n";
  const auto filed = try_file(bytes, filing);
  ASSERT_TRUE(filed);
  const auto found = beginning_of(message(filed->message));
  ASSERT_TRUE(found && found->size() == 1 && found->front());
  const Mailboxes::Beginning& beginning = *found->front();
  EXPECT_TRUE(beginning.whole);
  EXPECT_EQ(beginning.octets, filing.prefix + bytes);
  EXPECT_EQ(beginning.prefix, filing.prefix.size());
  EXPECT_EQ(beginning.header, filing.prefix.size() + bytes.size() - 500);
}

TEST_F(Messages, ManyBeginningsAreReadAtOnceWhateverTheOrderOfTheirBodies) {
  std::vector<Message> messages;
  for (size_t n = 0; n < 100; ++n)
    messages.push_back(message(file({.subject = std::to_string(n), .body = std::string(n * 200, 'x')}).message));
  // A copy is a newer message with an older body.
  const auto copied = copy(messages[3].id, 1);
  std::vector<const Message*> all;
  for (const Message& m : messages) all.push_back(&m);
  std::swap(messages[5].body, messages[70].body);
  std::map<MessageId, std::string> subjects;
  const auto read = boxes_->each_beginning(*store_, kAccount, all, [&](MessageId id, auto&& beginning) {
    subjects[id] = std::string(beginning->octets).substr(0, beginning->header);
  });
  ASSERT_TRUE(read);
  ASSERT_EQ(subjects.size(), all.size());
  EXPECT_NE(subjects[messages[5].id].find("Subject: 70\r\n"), std::string::npos);
  EXPECT_NE(subjects[messages[70].id].find("Subject: 5\r\n"), std::string::npos);
  EXPECT_NE(subjects[messages[99].id].find("Subject: 99\r\n"), std::string::npos);
}

TEST_F(Messages, TheHeaderIsReadWithoutTheBody) {
  for (const size_t fields : {0, 1, 20, 1'000, 2'000}) {
    std::string head;
    for (size_t n = 0; n < fields; ++n) head += "X-Field-" + std::to_string(n) + ": " + std::string(40, 'v') + "\r\n";
    head += "\r\n";
    Filing filing;
    filing.prefix = "Return-Path: <>\r\n";
    const std::string text = std::string(kMaxWhole, 'x') + "\r\n";
    const auto filed = try_file(head + text, filing);
    ASSERT_TRUE(filed);
    const Message m = message(filed->message);
    EXPECT_EQ(boxes_->content(*store_, kAccount, m.id).value(), filing.prefix + head + text);
    ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
      return t.erase(keys::rest(m.body), store::Space::kBody), Result<void>();
    }));
    const auto found = beginning_of(m);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().has_value(), head.size() <= kMaxStoredHeader) << "a monstrous one lies with the body";
    const auto beginning = found->front().value_or(Mailboxes::Beginning{filing.prefix + head});
    EXPECT_EQ(beginning.octets, filing.prefix + head);
    EXPECT_FALSE(beginning.whole);
    EXPECT_EQ(boxes_->content(*store_, kAccount, m.id).code(), Code::kCorrupt) << "half of it is lost";
  }
  Message unknown;
  unknown.id = 4711;
  EXPECT_TRUE(beginning_of(unknown)->empty());
}

TEST_F(Messages, ADamagedBodyIsSaidToBe) {
  const Message m = message(file({.body = std::string(2'000, 'x')}).message);
  for (const std::string& stored : {std::string(), std::string("\x08what"), std::string("\x04"),
                                    std::string("\x04\x7fwhat"), std::string("\x01not zstd")}) {
    ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
      t.put(keys::body(m.body), stored, store::Space::kBody);
      return {};
    }));
    EXPECT_EQ(boxes_->content(*store_, kAccount, m.id).code(), Code::kCorrupt);
    EXPECT_EQ(beginning_of(m).code(), Code::kCorrupt);
  }
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    return t.put(keys::message(kAccount, m.id), "?"), Result<void>();
  }));
  EXPECT_EQ(boxes_->message(*store_, kAccount, m.id).code(), Code::kCorrupt);
}

TEST_F(Messages, UidsGrowInEachMailboxAndAreNeverUsedAgain) {
  const MailboxId work = make("Work");
  Filing both;
  both.mailboxes = {work, 1, work};
  const Filed first = file({}, both), second = file({}), third = file_into(work);
  EXPECT_EQ(first.places.size(), 2u) << "a mailbox named twice is meant once";
  EXPECT_EQ(uids(1), (std::vector<Uid>{1, 2}));
  EXPECT_EQ(uids(work), (std::vector<Uid>{1, 2}));
  ASSERT_TRUE(take_out(second.message));
  ASSERT_TRUE(take_out(third.message, work));
  open();
  file({}, both);
  EXPECT_EQ(uids(1), (std::vector<Uid>{1, 3}));
  EXPECT_EQ(uids(work), (std::vector<Uid>{1, 3}));
  EXPECT_EQ(box(work).uid_next, 4u);
  const Filed later = file({});
  EXPECT_GT(later.message, third.message);
}

TEST_F(Messages, AMailboxWithoutUidsLeftTakesNoMore) {
  Mailbox full = box(1);
  full.uid_next = UINT32_MAX - 1;
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    return t.put(keys::mailbox(kAccount, 1), encode(full)), Result<void>();
  }));
  EXPECT_EQ(file({}).places.front().uid, UINT32_MAX - 1);
  EXPECT_EQ(try_file(text_of({})).code(), Code::kLimit);
  EXPECT_EQ(rows(1).size(), 1u);
}

TEST_F(Messages, CountersFollowFlagsAndPlaces) {
  const Filed a = file({}), b = file({});
  EXPECT_EQ(box(1).messages, 2u);
  EXPECT_EQ(box(1).unseen, 2u);
  ASSERT_TRUE(flag(a.message, kSeen));
  ASSERT_TRUE(flag(b.message, kDeleted | kSeen));
  EXPECT_EQ(box(1).unseen, 0u);
  EXPECT_EQ(box(1).deleted, 1u);
  ASSERT_TRUE(flag(b.message, 0, kSeen));
  EXPECT_EQ(box(1).unseen, 1u);
  ASSERT_TRUE(take_out(b.message));
  EXPECT_EQ(box(1).messages, 1u);
  EXPECT_EQ(box(1).unseen, 0u);
  EXPECT_EQ(box(1).deleted, 0u);
  EXPECT_EQ(box(1).octets, message(a.message).size);
}

TEST_F(Messages, ChangingFlagsTakesOneModseqForAllMailboxesAndNoChangeTakesNone) {
  const MailboxId work = make("Work"), home = make("Home");
  Filing filing;
  filing.mailboxes = {1, work, home};
  const Filed filed = file({}, filing);
  const ModSeq before = figures().modseq;
  const auto m = flag(filed.message, kFlagged);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->modseq, before + 1);
  EXPECT_EQ(figures().modseq, before + 1);
  EXPECT_EQ(changes(before).size(), 3u);
  for (const MailboxId id : {MailboxId{1}, work, home}) {
    EXPECT_TRUE(rows(id).front().flags.has(kFlagged));
    EXPECT_EQ(rows(id).front().modseq, before + 1);
    EXPECT_EQ(box(id).highest_modseq, before + 1);
  }
  ASSERT_TRUE(flag(filed.message, kFlagged));
  EXPECT_EQ(figures().modseq, before + 1);
}

TEST_F(Messages, FlagsOfManyAreOneChangeAndThoseThatAreNotThereAreLeftOut) {
  const Filed a = file({}), b = file({}), c = file({});
  ASSERT_TRUE(flag(b.message, kSeen));
  const ModSeq before = figures().modseq;
  const auto edited = run(
      [&](auto& t) { return boxes_->edit_flags(t, kAccount, 1, {1, 2, 3, 4711}, [](Flags& f) { f.system = kSeen; }); });
  ASSERT_TRUE(edited);
  ASSERT_EQ(edited->size(), 3u);
  EXPECT_TRUE((*edited)[0].changed);
  EXPECT_FALSE((*edited)[1].changed);
  EXPECT_EQ((*edited)[1].row.modseq, before);
  EXPECT_EQ((*edited)[2].row.modseq, before + 1);
  EXPECT_EQ((*edited)[2].row.message, c.message);
  EXPECT_EQ(figures().modseq, before + 1);
  EXPECT_EQ(changes(before).size(), 2u);
  EXPECT_EQ(message(a.message).modseq, before + 1);
  EXPECT_EQ(box(1).unseen, 0u);
  EXPECT_EQ(run([&](auto& t) { return boxes_->edit_flags(t, kAccount, 4711, {1}, [](Flags&) {}); })->size(), 0u);
}

TEST_F(Messages, DeletedBelongsToOnePlaceAndTheOtherFlagsToAll) {
  const MailboxId work = make("Work");
  const Filed filed = file({});
  ASSERT_TRUE(flag(filed.message, kDeleted | kFlagged));
  clock_.advance(seconds(5));
  ASSERT_TRUE(copy(filed.message, work));
  EXPECT_EQ(rows(work).front().flags.system, kFlagged) << "a copy arrives without";
  EXPECT_EQ(message(filed.message).places[1].saved, message(filed.message).saved + seconds(5));
  const ModSeq before = figures().modseq;
  ASSERT_TRUE(flag(filed.message, 0, kDeleted));
  ASSERT_TRUE(flag(filed.message, kDeleted));
  EXPECT_EQ(rows(1).front().flags.system, kDeleted | kFlagged);
  EXPECT_EQ(rows(work).front().flags.system, kFlagged);
  EXPECT_EQ(rows(work).front().modseq, before) << "nobody sees a change there";
  EXPECT_EQ(box(work).highest_modseq, before);
  ASSERT_EQ(changes(before).size(), 2u);
  EXPECT_EQ(changes(before)[1].mailbox, 1u);
  EXPECT_EQ(box(1).deleted, 1u);
  EXPECT_EQ(box(work).deleted, 0u);
  ASSERT_TRUE(flag(filed.message, kSeen));
  EXPECT_EQ(rows(1).front().flags.system, kDeleted | kFlagged | kSeen);
  EXPECT_EQ(rows(work).front().flags.system, kFlagged | kSeen);
  EXPECT_EQ(box(work).unseen, 0u);
  ASSERT_TRUE(take_out(filed.message));
  EXPECT_EQ(box(1).deleted, 0u);
}

TEST_F(Messages, AMessageMayArriveDeleted) {
  Filing filing;
  filing.flags.system = kDeleted | kSeen;
  const Filed filed = file({}, filing);
  EXPECT_EQ(rows(1).front().flags.system, kDeleted | kSeen);
  EXPECT_EQ(message(filed.message).flags.system, kSeen);
  EXPECT_EQ(box(1).deleted, 1u);
}

TEST_F(Messages, KeywordsAreSortedUniqueInAnyCaseAndLimited) {
  const MessageId id = file({}).message;
  EXPECT_EQ(keywords(id, {"work", "$Forwarded", "WORK", "Apple"})->flags.keywords,
            (std::vector<std::string>{"$Forwarded", "Apple", "work"}));
  const ModSeq before = figures().modseq;
  EXPECT_TRUE(keywords(id, {"Apple", "work", "$Forwarded"}));
  EXPECT_EQ(figures().modseq, before) << "the same set in another order";
  std::vector<std::string> many;
  for (size_t n = 0; n < kMaxKeywords; ++n) many.push_back("k" + std::to_string(n));
  EXPECT_TRUE(keywords(id, many));
  many.push_back("onemore");
  EXPECT_EQ(keywords(id, many).code(), Code::kLimit);
  EXPECT_EQ(keywords(id, {std::string(kMaxKeywordOctets + 1, 'k')}).code(), Code::kLimit);
  EXPECT_EQ(keywords(id, {""}).code(), Code::kLimit);
  EXPECT_EQ(message(id).flags.keywords.size(), kMaxKeywords);
  Filing filing;
  filing.flags.keywords = many;
  EXPECT_EQ(try_file(text_of({}), filing).code(), Code::kLimit);
}

TEST_F(Messages, AnotherLabelIsAPlaceMoreOfTheSameMessage) {
  const MailboxId work = make("Work");
  const Filed filed = file({});
  const ModSeq before = figures().modseq;
  const auto place = add(filed.message, work);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->mailbox, work);
  EXPECT_EQ(place->uid, 1u);
  EXPECT_EQ(add(filed.message, work)->uid, 1u) << "it is there already";
  EXPECT_EQ(figures().modseq, before + 1);
  EXPECT_EQ(figures().messages, 1u);
  EXPECT_EQ(rows(work).front().message, filed.message);
  EXPECT_EQ(rows(1).front().modseq, filed.modseq) << "nothing changed in the inbox";
  EXPECT_EQ(box(1).highest_modseq, filed.modseq);
  EXPECT_EQ(message(filed.message).modseq, before + 1);
  EXPECT_EQ(add(filed.message, 4711).code(), Code::kNotFound);
  EXPECT_EQ(add(4711, work).code(), Code::kNotFound);
  ASSERT_TRUE(take_out(filed.message));
  EXPECT_EQ(take_out(filed.message).code(), Code::kNotFound);
  EXPECT_EQ(figures().messages, 1u) << "still in Work";
}

TEST_F(Messages, ACopyIsALabelAndASecondMessageWhereThereIsOneAlready) {
  const MailboxId work = make("Work");
  const Filed filed = file({.id = "1@example.com"});
  ASSERT_TRUE(flag(filed.message, kSeen));
  EXPECT_EQ(copy(filed.message, work)->mailbox, work);
  EXPECT_EQ(figures().messages, 1u);
  const auto second = copy(filed.message, work);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->uid, 2u);
  const Row row = rows(work).back();
  EXPECT_NE(row.message, filed.message);
  EXPECT_TRUE(row.flags.has(kSeen)) << "RFC 9051 6.4.7: flags are kept";
  EXPECT_EQ(message(row.message).thread, filed.thread);
  EXPECT_EQ(message(row.message).received, message(filed.message).received);
  EXPECT_EQ(references(message(row.message).body), 2u);
  EXPECT_EQ(figures().messages, 2u);
  EXPECT_EQ(figures().octets, 2 * message(filed.message).size);
  EXPECT_EQ(boxes_->content(*store_, kAccount, row.message).value(),
            boxes_->content(*store_, kAccount, filed.message).value());
  EXPECT_EQ(copy(4711, work).code(), Code::kNotFound);
  EXPECT_EQ(copy(filed.message, 4711).code(), Code::kNotFound);
}

TEST_F(Messages, TheQuotaIsExactToTheOctet) {
  const std::string bytes = text_of({});
  ASSERT_TRUE(run([&](auto& t) { return boxes_->set_quota(t, kAccount, 2 * bytes.size()); }));
  const auto first = try_file(bytes);
  ASSERT_TRUE(first);
  EXPECT_TRUE(try_file(bytes));
  EXPECT_EQ(figures().octets, 2 * bytes.size());
  const auto refused = try_file("x");
  EXPECT_EQ(refused.code(), Code::kLimit);
  EXPECT_EQ(keys_with("R"), 2u) << "what was refused left nothing";
  EXPECT_EQ(run([&](auto& t) { return boxes_->copy(t, kAccount, first->message, 1); }).code(), Code::kLimit);
  EXPECT_TRUE(copy(first->message, make("Label"))) << "a label needs no room";
  Filing forced;
  forced.check_quota = false;
  EXPECT_TRUE(try_file(bytes, forced));
  EXPECT_EQ(try_file("x").code(), Code::kLimit) << "far over";
  ASSERT_TRUE(run([&](auto& t) { return boxes_->set_quota(t, kAccount, 0); }));
  EXPECT_TRUE(try_file(bytes)) << "0: none";
  EXPECT_EQ(figures().quota_octets, 0u);
}

TEST_F(Messages, OneBodyServesManyAccountsUntilTheLastLetsGo) {
  const auto prepared = prepare(text_of({.body = std::string(5'000, 'b')}));
  const BodyId body = boxes_->new_body_id();
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    for (AccountId a = 100; a < 110; ++a)
      if (const auto made = boxes_->create_account(t, a, 0); !made) return made;
    if (const auto put = boxes_->put_body(t, body, *prepared); !put) return put;
    for (AccountId a = 100; a < 110; ++a)
      if (const auto filed = boxes_->file(t, a, *prepared, body, {}); !filed) return filed.error();
    return boxes_->hold_body(t, body);  // as the queue does
  }));
  EXPECT_EQ(references(body), 11u);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->release_body(t, body); }));
  for (AccountId a = 100; a < 110; ++a) {
    EXPECT_TRUE(has_body(body));
    ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_place(t, a, 1, 1); }));
  }
  clock_.advance(kUndeleteWindow);
  for (AccountId a = 100; a < 110; ++a) {
    EXPECT_TRUE(has_body(body));
    EXPECT_EQ(run([&](auto& t) { return boxes_->purge_expired(t, a, 10); }).value(), 1u);
  }
  EXPECT_FALSE(has_body(body));
  EXPECT_EQ(keys_with("R"), 0u);
  EXPECT_EQ(keys_with("H"), 0u);
}

TEST_F(Messages, ABodyNobodyTookGoesWithItsRelease) {
  const auto prepared = prepare(text_of({}));
  const BodyId body = boxes_->new_body_id();
  ASSERT_TRUE(run([&](auto& t) { return boxes_->put_body(t, body, *prepared); }));
  EXPECT_TRUE(has_body(body));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->release_body(t, body); }));
  EXPECT_FALSE(has_body(body));
  EXPECT_EQ(boxes_->body(*store_, body).code(), Code::kNotFound);
}

TEST_F(Messages, RowsAreVisitedInOrderFromFirstToLastUntilTold) {
  for (int n = 0; n < 10; ++n) file({});
  std::vector<Uid> seen;
  const auto visit = [&](const Row& row) { return seen.push_back(row.uid), seen.size() < 3; };
  ASSERT_TRUE(boxes_->rows(*store_, kAccount, 1, 4, UINT32_MAX, visit));
  EXPECT_EQ(seen, (std::vector<Uid>{4, 5, 6}));
  seen.clear();
  ASSERT_TRUE(boxes_->rows(*store_, kAccount, 1, 9, 9, visit));
  EXPECT_EQ(seen, (std::vector<Uid>{9}));
  seen.clear();
  ASSERT_TRUE(boxes_->rows(*store_, kAccount, 1, 9, 3, visit));
  ASSERT_TRUE(boxes_->rows(*store_, kAccount, 1, 11, UINT32_MAX, visit));
  EXPECT_TRUE(seen.empty());
}

TEST_F(Messages, UidChunksMeetAtTheirEdges) {
  Mailbox later = box(1);
  later.uid_next = keys::kChunk - 2;
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    return t.put(keys::mailbox(kAccount, 1), encode(later)), Result<void>();
  }));
  std::vector<MessageId> ids;
  for (int n = 0; n < 5; ++n) ids.push_back(file({}).message);
  const auto map = boxes_->uids(*store_, kAccount, 1);
  ASSERT_EQ(map->ranges().size(), 1u);
  EXPECT_EQ(map->ranges()[0].first, keys::kChunk - 2);
  EXPECT_EQ(map->count(), 5u);
  ASSERT_TRUE(take_out(ids[2]));
  EXPECT_EQ(uids(1), (std::vector<Uid>{keys::kChunk - 2, keys::kChunk - 1, keys::kChunk + 1, keys::kChunk + 2}));
  for (const int n : {0, 1, 3, 4}) ASSERT_TRUE(take_out(ids[static_cast<size_t>(n)]));
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'x').take()), 0u) << "empty chunks are gone";
}

// --- the change feed

TEST_F(Messages, TheChangeFeedTellsEachChangeOnceInOrder) {
  const ModSeq start = figures().modseq;
  const Filed filed = file({});
  ASSERT_TRUE(flag(filed.message, kSeen));
  const MailboxId work = make("Work");
  ASSERT_TRUE(run([&](auto& t) { return boxes_->rename(t, kAccount, work, "Job"); }));
  ASSERT_TRUE(take_out(filed.message));
  const auto all = changes(start);
  std::vector<Change::Kind> kinds;
  for (const Change& c : all) kinds.push_back(c.kind);
  using enum Change::Kind;
  EXPECT_EQ(kinds, (std::vector<Change::Kind>{kAdded, kFlags, kMailboxCreated, kMailboxRenamed, kRemoved}));
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].modseq, start + 1 + i);
  EXPECT_EQ(all[4].uid, 1u);
  EXPECT_EQ(all[4].message, filed.message);
  EXPECT_EQ(boxes_->changes(*store_, kAccount, start, 2)->size(), 2u);
  EXPECT_TRUE(changes(figures().modseq).empty());
  EXPECT_TRUE(changes(figures().modseq + 100).empty());
}

TEST_F(Messages, AModseqIsNeverCutByTheLimit) {
  Filing filing;
  filing.mailboxes = {1, 2, 3};
  const ModSeq start = figures().modseq;
  file({}, filing);
  EXPECT_EQ(boxes_->changes(*store_, kAccount, start, 1)->size(), 3u);
}

TEST_F(Messages, TheChangeLogIsBoundedAndSaysWhatItForgot) {
  // A busy account: its log has 30 more than are kept.
  AccountState state = *decode_state(**store_->get(keys::state(kAccount)));
  state.modseq = state.first_change + kMaxChanges + 29;
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    return t.put(keys::state(kAccount), encode(state)), Result<void>();
  }));
  EXPECT_TRUE(boxes_->changes(*store_, kAccount, 0, 10));
  EXPECT_EQ(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 20); }).value(), 20u);
  EXPECT_EQ(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 20); }).value(), 10u);
  EXPECT_EQ(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 20); }).value(), 0u);
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'c').take()), 0u) << "the real ones were the oldest";
  EXPECT_EQ(boxes_->changes(*store_, kAccount, 29, 10).code(), Code::kNotFound);
  EXPECT_TRUE(boxes_->changes(*store_, kAccount, 30, 10));
  const Filed filed = file({});
  EXPECT_EQ(changes(filed.modseq - 1).size(), 1u);
}

TEST_F(Messages, AWatchHearsOfItsAccountAlone) {
  ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, 8, 0); }));
  std::atomic<int> heard = 0;
  auto watch = boxes_->watch(kAccount, [&] { ++heard; });
  file({}, {}, 8);
  ASSERT_TRUE(run([](auto&) { return Result<void>(); }));  // callbacks of a group are done when the next one is
  EXPECT_EQ(heard, 0);
  file({});
  ASSERT_TRUE(run([](auto&) { return Result<void>(); }));
  EXPECT_EQ(heard, 1);
  watch.reset();
  file({});
  ASSERT_TRUE(run([](auto&) { return Result<void>(); }));
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace pabal::mailbox
