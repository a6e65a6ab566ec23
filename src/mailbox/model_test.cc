// The whole mail model against a plain one of maps, under random work, on a real store in a folder: rows, UIDs,
// counters, quota, modification sequences and references agree at every moment, and the change feed replayed by a
// client that sleeps now and then gives the same mailboxes.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/random.h"
#include "mailbox/keys.h"
#include "mailbox/mailbox.h"
#include "store/rocksdb_store.h"

namespace pabal::mailbox {
namespace {

constexpr AccountId kAccount = 3;

struct PlainMessage {
  std::string bytes, word;
  BodyId body = 0;
  uint8_t flags = 0;
  struct Place {
    Uid uid = 0;
    bool deleted = false;
    Time saved;
    friend bool operator==(const Place&, const Place&) = default;
  };
  std::map<MailboxId, Place> places;
  Time until;
  uint8_t shown_in(MailboxId box) const { return flags | (places.at(box).deleted ? kDeleted : 0); }
};
struct PlainBox {
  std::string name;
  std::map<Uid, MessageId> rows;
  std::map<Uid, ModSeq> row_modseqs;
  Uid next = 1;
  uint32_t validity = 0;
};

class Plain {
 public:
  std::map<MailboxId, PlainBox> boxes;
  std::map<MessageId, PlainMessage> messages;
  std::set<uint32_t> validities;
  std::set<std::string> subscribed;
  ModSeq modseq = 0;

  void enter(MessageId id, MailboxId box, Uid uid, Time now, bool deleted = false) {
    PlainBox& b = boxes.at(box);
    ASSERT_EQ(uid, b.next) << "UIDs are given in order, never twice";
    ++b.next;
    b.rows[uid] = id;
    b.row_modseqs[uid] = modseq;
    messages.at(id).places[box] = {uid, deleted, now};
  }
  void leave(MessageId id, MailboxId box, Time now) {
    PlainMessage& m = messages.at(id);
    boxes.at(box).rows.erase(m.places.at(box).uid);
    boxes.at(box).row_modseqs.erase(m.places.at(box).uid);
    m.places.erase(box);
    if (m.places.empty()) m.until = now + kUndeleteWindow;
  }
};

// A client that knows only the change feed and the rows it then reads.
struct Client {
  ModSeq seen = 0;
  std::map<MailboxId, std::set<Uid>> boxes;
  std::map<std::pair<MailboxId, Uid>, uint8_t> flags;
};

class Model : public testing::TestWithParam<uint64_t> {
 protected:
  Model() : random_(GetParam()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "pabal-model-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    open();
    require(transact([&](store::Transaction& t) { return boxes_->create_account(t, kAccount, 0); }));
    plain_.modseq = 1;
    learn_boxes();
    for (const auto& [id, box] : plain_.boxes) plain_.subscribed.insert(box.name);
  }
  ~Model() override {
    boxes_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    boxes_.reset();
    store_.reset();
    store_ = std::move(*store::open_rocksdb({.path = folder_}, clock_));
    boxes_ = std::make_unique<Mailboxes>(*store_, clock_);
  }
  Result<void> transact(store::Work work) { return store_->transact_and_wait(std::move(work)); }
  static void require(const Result<void>& done) { ASSERT_TRUE(done) << done.error().message; }

  void know(MailboxId id, const std::string& name) {
    PlainBox& box = plain_.boxes[id];
    box.name = name;
    box.validity = (*boxes_->get(*store_, kAccount, id))->uid_validity;
    EXPECT_TRUE(plain_.validities.insert(box.validity).second) << "no UIDVALIDITY comes twice";
  }
  void learn_boxes() {
    const auto all = boxes_->list(*store_, kAccount);
    for (const Mailbox& box : *all)
      if (!plain_.boxes.contains(box.id)) know(box.id, box.name);
  }
  MailboxId any_box() {
    auto it = plain_.boxes.begin();
    std::advance(it, static_cast<long>(random_.below(plain_.boxes.size())));
    return it->first;
  }
  MessageId any_message() {
    if (plain_.messages.empty()) return 4711;
    auto it = plain_.messages.begin();
    std::advance(it, static_cast<long>(random_.below(plain_.messages.size())));
    return it->first;
  }

  void file() {
    PlainMessage m;
    m.word = "w" + std::to_string(random_.below(40));
    m.bytes = "Subject: s\r\n\r\n" + m.word + " " + std::string(random_.below(1'000), 'x') + "\r\n";
    const auto flags = static_cast<uint8_t>(random_.below(32));
    m.flags = flags & ~kDeleted;
    m.body = boxes_->new_body_id();
    Filing filing;
    filing.flags.system = flags;
    for (uint64_t n = random_.below(3); n > 0; --n) filing.mailboxes.push_back(any_box());
    const auto prepared = prepare(m.bytes);
    Filed filed;
    require(transact([&](store::Transaction& t) -> Result<void> {
      if (const auto put = boxes_->put_body(t, m.body, *prepared); !put) return put;
      auto done = boxes_->file(t, kAccount, *prepared, m.body, filing);
      if (!done) return done.error();
      filed = *done;
      return {};
    }));
    ++plain_.modseq;
    ASSERT_EQ(filed.modseq, plain_.modseq);
    ASSERT_FALSE(plain_.messages.contains(filed.message));
    plain_.messages[filed.message] = m;
    for (const auto& place : filed.places)
      plain_.enter(filed.message, place.mailbox, place.uid, clock_.now(), flags & kDeleted);
  }
  // Of a few UIDs of one mailbox, some of which are gone or never were.
  void edit_flags() {
    const MailboxId box = any_box();
    PlainBox& plain = plain_.boxes[box];
    std::set<Uid> chosen;
    for (uint64_t n = 1 + random_.below(4); n > 0; --n) chosen.insert(static_cast<Uid>(1 + random_.below(plain.next)));
    const std::vector<Uid> uids(chosen.begin(), chosen.end());
    const auto flags = static_cast<uint8_t>(random_.below(32));
    std::vector<Mailboxes::Edited> edited;
    require(transact([&](store::Transaction& t) -> Result<void> {
      auto done = boxes_->edit_flags(t, kAccount, box, uids, [&](Flags& f) { f.system = flags; });
      if (done) edited = std::move(*done);
      return done ? Result<void>() : done.error();
    }));
    size_t at = 0;
    bool any = false;
    for (const Uid uid : uids) {
      if (!plain.rows.contains(uid)) continue;
      const MessageId id = plain.rows.at(uid);
      PlainMessage& m = plain_.messages.at(id);
      ASSERT_LT(at, edited.size());
      const Mailboxes::Edited& one = edited[at++];
      ASSERT_EQ(one.row.uid, uid);
      ASSERT_EQ(one.row.message, id);
      ASSERT_EQ(one.row.flags.system, flags);
      ASSERT_EQ(one.changed, m.shown_in(box) != flags);
      if (one.changed) {
        any = true;
        const bool everywhere = m.flags != (flags & ~kDeleted);
        m.flags = flags & ~kDeleted;
        m.places[box].deleted = flags & kDeleted;
        for (const auto& [there, place] : m.places)
          if (everywhere || there == box) plain_.boxes[there].row_modseqs[place.uid] = plain_.modseq + 1;
      }
      ASSERT_EQ(one.row.modseq, plain.row_modseqs.at(uid));
    }
    ASSERT_EQ(at, edited.size());
    plain_.modseq += any;
  }
  void copy() {
    const MessageId id = any_message();
    const MailboxId to = any_box();
    Message::Place place{};
    const auto done = transact([&](store::Transaction& t) -> Result<void> {
      const auto made = boxes_->copy(t, kAccount, id, to);
      if (made) place = *made;
      return made ? Result<void>() : made.error();
    });
    const auto m = plain_.messages.find(id);
    ASSERT_EQ(done.ok(), m != plain_.messages.end() && !m->second.places.empty());
    if (!done) return;
    ++plain_.modseq;
    MessageId copied = id;
    if (m->second.places.contains(to)) {
      copied = (*boxes_->row(*store_, kAccount, to, place.uid))->message;
      ASSERT_FALSE(plain_.messages.contains(copied));
      plain_.messages[copied] = m->second;
      plain_.messages[copied].places.clear();
    }
    plain_.enter(copied, to, place.uid, clock_.now());
  }
  void remove_place() {
    const MessageId id = any_message();
    const MailboxId from = any_box();
    const auto done = transact([&](store::Transaction& t) { return boxes_->remove_place(t, kAccount, id, from); });
    const auto m = plain_.messages.find(id);
    ASSERT_EQ(done.ok(), m != plain_.messages.end() && m->second.places.contains(from));
    if (!done) return;
    ++plain_.modseq;
    plain_.leave(id, from, clock_.now());
  }
  void undelete() {
    const MessageId id = any_message();
    const MailboxId to = any_box();
    Message::Place place{};
    const auto done = transact([&](store::Transaction& t) -> Result<void> {
      const auto made = boxes_->undelete(t, kAccount, id, to);
      if (made) place = *made;
      return made ? Result<void>() : made.error();
    });
    const auto m = plain_.messages.find(id);
    ASSERT_EQ(done.ok(), m != plain_.messages.end() && m->second.places.empty() && m->second.until > clock_.now());
    if (!done) return;
    ++plain_.modseq;
    plain_.enter(id, to, place.uid, clock_.now());
  }
  void purge() {
    clock_.advance(hours(static_cast<int>(random_.below(200))));
    size_t freed = 0;
    require(transact([&](store::Transaction& t) -> Result<void> {
      const auto some = boxes_->purge_expired(t, kAccount, 1'000);
      if (some) freed = *some;
      return some ? Result<void>() : some.error();
    }));
    EXPECT_EQ(std::erase_if(plain_.messages,
                            [&](const auto& m) { return m.second.places.empty() && m.second.until <= clock_.now(); }),
              freed);
  }
  void create_box() {
    const bool subscribed = random_.below(2);
    const std::string name =
        "b" + std::to_string(random_.below(8)) + (random_.below(2) ? "/c" + std::to_string(random_.below(3)) : "");
    const bool free =
        std::none_of(plain_.boxes.begin(), plain_.boxes.end(), [&](const auto& b) { return b.second.name == name; });
    const auto done = transact([&](store::Transaction& t) -> Result<void> {
      const auto made = boxes_->create(t, kAccount, name, Role::kNone, subscribed);
      return made ? Result<void>() : made.error();
    });
    ASSERT_EQ(done.ok(), free);
    if (!done) return;
    ++plain_.modseq;
    if (subscribed) plain_.subscribed.insert(name);
    learn_boxes();
  }
  void subscribe() {
    const std::string name =
        random_.below(2) ? plain_.boxes.at(any_box()).name : "b" + std::to_string(random_.below(8));
    const bool on = random_.below(2);
    require(transact([&](store::Transaction& t) { return boxes_->subscribe(t, kAccount, name, on); }));
    plain_.modseq += on ? plain_.subscribed.insert(name).second : plain_.subscribed.erase(name);
  }
  void rename_box() {
    const MailboxId id = any_box();
    const std::string from = plain_.boxes.at(id).name, to = "r" + std::to_string(random_.below(20));
    if (id == 1) return;
    std::map<MailboxId, std::string> moved;
    bool free = from != to;
    for (const auto& [one, box] : plain_.boxes)
      if (box.name == from || box.name.starts_with(from + "/")) moved[one] = to + box.name.substr(from.size());
    for (const auto& [one, box] : plain_.boxes)
      for (const auto& [other, name] : moved) free = free && (moved.contains(one) || name != box.name);
    const auto done = transact([&](store::Transaction& t) { return boxes_->rename(t, kAccount, id, to); });
    ASSERT_EQ(done.ok(), free);
    if (!done) return;
    ++plain_.modseq;
    for (const auto& [one, name] : moved)
      if (plain_.subscribed.erase(std::exchange(plain_.boxes.at(one).name, name))) plain_.subscribed.insert(name);
  }
  void remove_box() {
    const MailboxId id = any_box();
    const auto done = transact([&](store::Transaction& t) { return boxes_->remove(t, kAccount, id); });
    ASSERT_EQ(done.ok(), id != 1);
    if (!done) return;
    ++plain_.modseq;
    const auto rows = plain_.boxes.at(id).rows;
    for (const auto& [uid, message] : rows) plain_.leave(message, id, clock_.now());
    plain_.boxes.erase(id);
  }
  void rename_inbox() {
    const std::string name = "old" + std::to_string(plain_.modseq);
    require(transact([&](store::Transaction& t) { return boxes_->rename(t, kAccount, 1, name); }));
    ++plain_.modseq;
    const MailboxId target = (*boxes_->find(*store_, kAccount, name))->id;
    know(target, name);
    plain_.subscribed.insert(name);
    const auto rows = plain_.boxes.at(1).rows;
    for (const auto& [uid, message] : rows) {
      const bool deleted = plain_.messages.at(message).places.at(1).deleted;
      plain_.leave(message, 1, clock_.now());
      plain_.enter(message, target, plain_.boxes.at(target).next, clock_.now(), deleted);
    }
  }

  void expect_agreement() {
    const auto snapshot = store_->snapshot();
    const auto figures = boxes_->figures(*snapshot, kAccount);
    uint64_t octets = 0, messages = 0;
    std::map<BodyId, uint64_t> references;
    std::map<std::string, std::vector<MessageId>> words;
    for (const auto& [id, m] : plain_.messages) {
      ++references[m.body];
      const auto stored = boxes_->message(*snapshot, kAccount, id);
      ASSERT_TRUE(stored && *stored);
      std::map<MailboxId, PlainMessage::Place> places;
      for (const auto& place : (*stored)->places) places[place.mailbox] = {place.uid, place.deleted, place.saved};
      ASSERT_TRUE(places == m.places);
      ASSERT_EQ((*stored)->flags.system, m.flags);
      ASSERT_EQ(boxes_->content(*snapshot, kAccount, id).value(), m.bytes);
      if (m.places.empty()) continue;
      octets += m.bytes.size();
      ++messages;
      words[m.word].push_back(id);
    }
    ASSERT_EQ(figures->octets, octets);
    ASSERT_EQ(figures->messages, messages);
    ASSERT_EQ(figures->modseq, plain_.modseq);
    ASSERT_EQ(boxes_->subscriptions(*snapshot, kAccount).value(), plain_.subscribed);
    for (const auto& [word, ids] : words)
      ASSERT_EQ(boxes_->search(*snapshot, kAccount, {{.text = word, .prefix = false}}).value(), ids) << word;

    const auto list = boxes_->list(*snapshot, kAccount);
    ASSERT_EQ(list->size(), plain_.boxes.size());
    for (const Mailbox& box : *list) {
      const PlainBox& plain = plain_.boxes.at(box.id);
      ASSERT_EQ(box.name, plain.name);
      ASSERT_EQ(box.uid_next, plain.next);
      ASSERT_EQ(box.uid_validity, plain.validity);
      uint32_t unseen = 0, deleted = 0;
      uint64_t box_octets = 0;
      std::map<Uid, MessageId> rows;
      ASSERT_TRUE(boxes_->rows(*snapshot, kAccount, box.id, 1, UINT32_MAX, [&](const Row& row) {
        rows[row.uid] = row.message;
        const PlainMessage& m = plain_.messages.at(row.message);
        EXPECT_EQ(row.flags.system, m.shown_in(box.id));
        EXPECT_EQ(row.modseq, plain.row_modseqs.at(row.uid));
        EXPECT_LE(row.modseq, box.highest_modseq);
        unseen += !row.flags.has(kSeen);
        deleted += row.flags.has(kDeleted);
        box_octets += m.bytes.size();
        return true;
      }));
      ASSERT_EQ(rows, plain.rows);
      ASSERT_EQ(box.messages, rows.size());
      ASSERT_EQ(box.unseen, unseen);
      ASSERT_EQ(box.deleted, deleted);
      ASSERT_EQ(box.octets, box_octets);
      const auto uids = boxes_->uids(*snapshot, kAccount, box.id);
      ASSERT_EQ(uids->count(), rows.size());
      uint32_t sequence = 0;
      for (const auto& [uid, id] : rows) ASSERT_EQ(uids->sequence(uid), ++sequence);
    }
    const auto kept = snapshot->list(store::Range::prefix("R"));
    ASSERT_EQ(kept->size(), references.size());
    for (const store::Entry& entry : *kept)
      ASSERT_EQ(Decoder(entry.value).varint(), references.at(Decoder(std::string_view(entry.key).substr(1)).u64()));
  }

  void client_wakes() {
    for (;;) {
      const auto changes = boxes_->changes(*store_, kAccount, client_.seen, 1 + random_.below(20));
      ASSERT_TRUE(changes);
      if (changes->empty()) break;
      for (const Change& c : *changes) {
        client_.seen = c.modseq;
        switch (c.kind) {
          case Change::Kind::kMailboxCreated:
            client_.boxes[c.mailbox];
            break;
          case Change::Kind::kMailboxRemoved:
            client_.boxes.erase(c.mailbox);
            break;
          case Change::Kind::kRemoved:
            ASSERT_EQ(client_.boxes[c.mailbox].erase(c.uid), 1u);
            break;
          case Change::Kind::kAdded:
            ASSERT_TRUE(client_.boxes[c.mailbox].insert(c.uid).second);
            [[fallthrough]];
          case Change::Kind::kFlags:
            if (const auto row = boxes_->row(*store_, kAccount, c.mailbox, c.uid); *row)
              client_.flags[{c.mailbox, c.uid}] = (*row)->flags.system;
            break;
          default:
            break;
        }
      }
    }
    ASSERT_EQ(client_.boxes.size(), plain_.boxes.size());
    for (const auto& [id, box] : plain_.boxes) {
      std::set<Uid> uids;
      for (const auto& [uid, message] : box.rows) {
        uids.insert(uid);
        ASSERT_EQ((client_.flags[{id, uid}]), plain_.messages.at(message).shown_in(id));
      }
      ASSERT_EQ(client_.boxes.at(id), uids);
    }
  }

  SeededRandom random_;
  ManualClock clock_;
  std::string folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Mailboxes> boxes_;
  Plain plain_;
  Client client_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, Model, testing::Range<uint64_t>(1, 5));

TEST_P(Model, AgreesWithAPlainOneUnderRandomWork) {
  for (int step = 0; step < 400 && !HasFatalFailure(); ++step) {
    switch (random_.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        file();
        break;
      case 6:
      case 7:
      case 8:
        edit_flags();
        break;
      case 9:
      case 10:
        copy();
        break;
      case 11:
      case 12:
      case 13:
      case 14:
        remove_place();
        break;
      case 15:
        undelete();
        break;
      case 16:
        random_.below(3) == 0 ? purge() : create_box();
        break;
      case 17:
        random_.below(3) == 0 ? remove_box() : client_wakes();
        break;
      case 18:
        random_.below(6) == 0 ? rename_inbox() : random_.below(2) == 0 ? rename_box() : subscribe();
        break;
      case 19:
        ASSERT_TRUE(boxes_->fold(kAccount, 1 + random_.below(10)));
        break;
    }
    if (step % 50 == 49) {
      if (step % 200 == 199) open();
      expect_agreement();
    }
  }
  expect_agreement();
  client_wakes();
}

}  // namespace
}  // namespace pabal::mailbox
